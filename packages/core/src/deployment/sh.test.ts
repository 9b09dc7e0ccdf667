import { Shescape } from 'shescape'
import { expect, test } from 'vitest'
import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { powershell } from './powershell.ts'
import { sh } from './sh.ts'
import type { ShellCommand } from './shell-command.ts'
import type { ShellInterpolation } from './shell-template.ts'

const image = 'incident-rca/agent:latest'

test.each<[ShellInterpolation, string]>([
  ['https://api.example.com', 'https://api.example.com'],
  ['LOG_LEVEL=debug', 'LOG_LEVEL=debug'],
  ['a@b%c+d:e,f', 'a@b%c+d:e,f'],
  ['-rf', '-rf'],
  [2, '2'],
  [true, 'true'],
  ['', "''"],
  ['two words', "'two words'"],
  ["it's", "'it'\\''s'"],
  ['$(id)', "'$(id)'"],
  ['~', "'~'"],
  ['=ls', "'=ls'"],
  ['!!', "'!!'"],
  ['if', "'if'"],
  ['a\nb', "'a\nb'"],
  ['a\rb', `'a'"$(printf '\\015')"'b'`],
  ['\u001b[201~', `"$(printf '\\033')"'[201~'`],
  ['\u009b', `"$(printf '\\302\\233')"`],
  ['é', "'é'"],
])('the word %j becomes %s', (value, expected) => {
  expect(sh`run ${value} now`.text).toBe(`run ${expected} now`)
})

test('a word that touches other text stays part of one word', () => {
  expect(sh`run --name=${'a b'} ${'key'}=${'x y'} ${'a'}${'b c'}`.text).toBe("run --name='a b' key='x y' a'b c'")
})

test('a word before a redirection is no file descriptor', () => {
  expect(sh`echo ${2}>out`.text).toBe("echo '2'>out")
})

test('the name of a command is quoted where it would be read as grammar or as an assignment', () => {
  expect(sh`${'A=b'} && ${'A=b'} ${'A=b'}; TOKEN=${'A=b'} ${'a:b'} ${'a:b'} >${'A=b'} | ${'-'}`.text).toBe(
    "'A=b' && 'A=b' A=b; TOKEN=A=b a:b a:b >A=b | '-'",
  )
  expect(sh`i${'f'} ${'docker'} && ${'docker'} ps`.text).toBe("i'f' docker && docker ps")
})

test('an array becomes one word for each item', () => {
  expect(sh`run ${['-e', 'A=b c', 2]} ${image}`.text).toBe(`run -e 'A=b c' 2 ${image}`)
})

test.each([
  [sh`${[]}`, ''],
  [sh`${[]} run`, 'run'],
  [sh`run ${[]} ${image}`, `run ${image}`],
  [sh`run ${[]} ${[]} ${image}`, `run ${image}`],
  [sh`run ${[]}`, 'run'],
  [sh`run ${[]} ${[]}`, 'run'],
  [sh`run ${[]}; stop`, 'run ; stop'],
  [sh`(${[]})`, '()'],
  [
    sh`run \
    ${[]} \
    ${image}`,
    `run \\\n  ${image}`,
  ],
  [
    sh`run \
    ${[]}`,
    'run',
  ],
  [
    sh`run \
    ${[]}
    stop`,
    'run\n  stop',
  ],
])('an empty array leaves nothing behind (%#)', (command, expected) => {
  expect(command.text).toBe(expected)
})

test('commands are put into commands as they are', () => {
  const stop = sh`docker stop ${'a b'}`
  expect(sh`${stop} && ${sh`docker rm ${'a b'}`}`.text).toBe("docker stop 'a b' && docker rm 'a b'")
  expect(sh`(${stop}) && echo "$(${stop})"`.text).toBe(`(docker stop 'a b') && echo "$(docker stop 'a b')"`)
  expect(sh`run ${[sh`-e ${'A=b c'}`, sh`-e ${'D=e'}`]}`.text).toBe("run -e 'A=b c' -e D=e")
  expect(sh`sh -c ${stop.text}`.text).toBe(`sh -c 'docker stop '\\''a b'\\'''`)
})

test('a word inside a substitution is quoted for the shell that reads it there', () => {
  expect(sh`echo "in: $(cat ${'a b'})" ${'c d'}`.text).toBe(`echo "in: $(cat 'a b')" 'c d'`)
})

test('shared indentation is cut off, in whichever way the template is laid out', () => {
  const expected = `run --name x \\\n  -e 'a\n      b' \\\n  ${image}`
  const value = 'a\n      b'
  expect(
    sh`
    run --name ${'x'} \
      -e ${value} \
      ${image}
  `.text,
  ).toBe(expected)
  expect(
    sh`run --name ${'x'} \
      -e ${value} \
      ${image}`.text,
  ).toBe(expected)
})

test('backslashes reach the shell as they are written', () => {
  expect(sh`printf '%s\n' \$HOME "\${HOME}" a\ b`.text).toBe(`printf '%s\\n' \\$HOME "\${HOME}" a\\ b`)
})

test.each<[string, () => ShellCommand, string]>([
  ['double quotes', () => sh`echo "${'x'}"`, 'stands inside double quotes'],
  ['single quotes', () => sh`echo '${'x'}'`, "interpolation 1 (after `echo '`) stands inside single quotes"],
  ['quotes that an earlier literal opened', () => sh`echo "a" ${'x'} "b ${'y'}"`, 'interpolation 2'],
  ['quotes around a substitution', () => sh`echo "$(date) ${'x'}"`, 'stands inside double quotes'],
  ['a parameter expansion', () => sh`echo \${HOME:-${'x'}}`, 'stands inside a parameter expansion'],
  ['a dollar sign', () => sh`echo $${'x'}`, 'directly after a backslash or a dollar sign'],
  ['a command in quotes', () => sh`echo "${sh`ls`}"`, 'stands inside double quotes'],
  ['an array that touches text', () => sh`run --all=${['a', 'b']}`, 'an array that touches other text'],
  ['an array with text behind', () => sh`run ${['a', 'b']}x`, 'an array that touches other text'],
  ['a command that touches text', () => sh`run a${sh`b c`}`, 'a command that touches other text'],
  [
    'a command for another shell',
    () => sh`run ${powershell`dir`}`,
    'is a command for `powershell`: write it with the `sh` template',
  ],
  ['an open quote', () => sh`echo "a`, 'the template ends inside double quotes'],
  ['an open substitution', () => sh`echo $(ls`, 'the template ends inside a substitution'],
  ['backticks', () => sh`echo \`ls\``, 'a backtick cannot stand in a template: use $(…)'],
  ['backticks in quotes', () => sh`echo "\`ls\`"`, 'a backtick'],
  ['a comment', () => sh`ls # ${'x'}`, 'a comment cannot stand'],
  ['a here-document', () => sh`cat <<END`, '<< cannot stand'],
  ['arithmetic', () => sh`echo $((1 + 1))`, '(( cannot stand'],
  ['ANSI-C quotes', () => sh`echo $'a'`, "$' cannot stand"],
  ['a quote in an expansion', () => sh`echo \${A:-'b'}`, 'a quote inside a parameter expansion'],
  [
    'undefined',
    () => sh`echo ${undefined as unknown as string}`,
    'interpolation 1 (after `echo`) is of type undefined',
  ],
  ['null', () => sh`echo ${null as unknown as string}`, 'is null'],
  [
    'an object',
    () => sh`echo ${{ kind: 'shell-command', shell: 'sh', text: 'id' } as ShellCommand}`,
    'is of type object',
  ],
  ['NaN', () => sh`echo ${Number.NaN}`, 'is not finite'],
])('refuses %s', (_what, build, message) => {
  expect(build).toThrow(TypeError)
  expect(build).toThrow(message)
})

test.each([
  ['a NUL character', 'secret\0', 'holds a NUL character'],
  ['half of a surrogate pair', 'secret\ud800', 'holds half of a surrogate pair'],
])('refuses %s without repeating the value', (_what, value, message) => {
  const build = () => sh`run --token ${value}`
  expect(build).toThrow(ShellQuotingError)
  expect(build).toThrow(`\`sh\`: interpolation 1 (after \`run --token\`) ${message}`)
  expect(build).not.toThrow('secret')
})

test('text cannot be used where a command is expected', () => {
  // @ts-expect-error a string is not a command
  const command: ShellCommand = 'rm -rf /'
  expect(command).toBeTypeOf('string')
})

test.skipIf(process.platform === 'win32')('quotes as shescape does, where shescape keeps all characters', () => {
  const shescape = new Shescape({ shell: 'bash', flagProtection: false })
  for (const word of [
    "it's",
    "'",
    "''",
    'a b',
    '$HOME',
    '`id`',
    '\\',
    '*',
    '~',
    '#',
    '\n',
    'ü\u{1f600}',
    '"',
    '&& ls',
  ]) {
    expect(sh`run ${word}`.text).toBe(`run ${shescape.quote(word)}`)
  }
})
