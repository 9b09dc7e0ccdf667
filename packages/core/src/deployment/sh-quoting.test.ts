import { Shescape } from 'shescape'
import { describe, expect, test } from 'vitest'
import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { command } from './command.ts'
import type { Word } from './shell-word.ts'

const { assignment, raw, word } = command

describe('an argument', () => {
  test.each<[Word, string]>([
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
  ])('%j becomes %s', (value, expected) => {
    expect(command('run', value, 'now').text).toBe(`run ${expected} now`)
  })

  test.skipIf(process.platform === 'win32')(
    'is quoted like shescape quotes it, if shescape keeps all characters',
    () => {
      const shescape = new Shescape({ shell: 'bash', flagProtection: false })
      const texts = ["it's", "'", "''", 'a b', '$HOME', '`id`', '\\', '*', '~', '#', '\n', 'ü\u{1f600}', '"', '&& ls']
      for (const text of texts) expect(command('run', text).text).toBe(`run ${shescape.quote(text)}`)
    },
  )

  test.each([
    ['a NUL character', 'secret\0', 'contains a NUL character'],
    ['half of a surrogate pair', 'secret\ud800', 'contains half of a surrogate pair'],
  ])('with %s is rejected without repeating the value', (_what, value, message) => {
    const build = () => command('run', '--token', value)
    expect(build).toThrow(ShellQuotingError)
    expect(build).toThrow(`\`command\`: argument 3 of \`run\` ${message}`)
    expect(build).not.toThrow('secret')
  })

  test.each<[string, unknown, string]>([
    ['undefined', undefined, '`command`: argument 2 of `echo` is of type undefined'],
    ['null', null, 'is null'],
    ['an object', { kind: 'shell-command', shell: 'sh', text: 'id' }, 'is of type object'],
    ['a command', command('ls'), 'is of type object'],
    ['NaN', Number.NaN, 'is not finite'],
  ])('cannot be %s', (_what, value, message) => {
    const build = () => command('echo', value as string)
    expect(build).toThrow(TypeError)
    expect(build).toThrow(message)
  })
})

describe('the name of a command', () => {
  test('is quoted if the shell would read it as grammar or as an assignment', () => {
    expect(command('A=b', 'A=b').text).toBe("'A=b' A=b")
    expect(command(assignment('TOKEN', 'A=b'), 'a:b', 'a:b').text).toBe('TOKEN=A=b a:b a:b')
    expect(command('-').text).toBe("'-'")
    expect(command(word('i', 'f')).text).toBe("'i''f'")
    expect(command('docker', 'ps').text).toBe('docker ps')
  })

  test('appears in errors, but not the value of a variable', () => {
    const build = () => command(assignment('TOKEN', 'secret'), 'run', '\0')
    expect(build).toThrow('argument 3 of `run`')
    expect(build).not.toThrow('secret')
  })
})

describe('word', () => {
  test('joins parts that are quoted separately', () => {
    expect(command('run', word('--name=', 'a b'), word('a', 'b c'), word('--empty=', '')).text).toBe(
      "run --name='a b' a'b c' --empty=''",
    )
  })

  test('joins texts with the output of a command', () => {
    const socket = command('stat', '-c', '%n', '/var/run/docker.sock')
    expect(command('run', word('source=', socket.output(), ',target=', '/a b')).text).toBe(
      `run source="$( stat -c %n /var/run/docker.sock )",target='/a b'`,
    )
  })

  test('quotes a text after a variable, whose name it would extend', () => {
    expect(command('echo', word(raw`$HOME`, '_backup')).text).toBe("echo $HOME'_backup'")
  })

  test('requires a part', () => {
    expect(() => word()).toThrow('`word` needs at least one part')
  })
})

describe('assignment', () => {
  test('quotes the value', () => {
    expect(command(assignment('A', 'b c')).text).toBe("A='b c'")
    expect(command(assignment('A', command('date').output()), 'run').text).toBe('A="$( date )" run')
  })

  test.each(['', 'a-b', '1a', 'A;id', 'A=$(id)'])('rejects the name %j', (name) => {
    expect(() => assignment(name, 'x')).toThrow('`assignment` needs the name of a variable')
  })
})

describe('raw', () => {
  test('is not quoted', () => {
    expect(command('echo', raw`"\${HOME#/}"`).text).toBe('echo "${HOME#/}"')
  })

  test('rejects interpolations', () => {
    const value = 'rm -rf /'
    // @ts-expect-error a template of `raw` has no interpolation
    expect(() => raw`echo ${value}`).toThrow('`raw` must be a template without interpolations')
    // @ts-expect-error a text is not a template
    expect(() => raw(value)).toThrow('`raw` must be a template without interpolations')
    expect(() => raw([value] as unknown as TemplateStringsArray)).toThrow('`raw` must be a template')
  })

  test.each([() => raw`a\\`, () => raw`a$`, () => raw`a\``])('does not end inside an escape (%#)', (build) => {
    expect(build).toThrow(TypeError)
  })
})
