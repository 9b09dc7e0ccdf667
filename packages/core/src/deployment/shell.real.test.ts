import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { type Command, command, type Words } from './command.ts'
import { powershell } from './powershell.ts'

const { assignment, raw, word } = command

/** Prints its arguments, each followed by a NUL character. */
const print = (...words: Words): Command => command('printf', '%s\\0', ...words)

// Every control character costs the shell a process, which takes long beside other load.
vi.setConfig({ testTimeout: 180_000 })

const isRequired = process.env.RCA_REQUIRE_REAL === '1'

function isInstalled(program: string): boolean {
  return spawnSync(program, ['-c', 'exit 0']).error === undefined
}

function run(shell: string, program: Command): string[] {
  const output = execFileSync(shell, ['-c', program.text], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    // bash takes a socket for a remote shell, and runs the user's own `.bashrc`.
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return output.split('\0').slice(0, -1)
}

const difficultWords = [
  ...['', ' ', '\t', '\n', '\r', '\r\n', 'a\n', '\n\n', 'a\rb', '\\', '\\\\', 'a\\', "'", "''", "a'b'", '"', '"\'"'],
  ...[
    '$(id)',
    '`id`',
    '$HOME',
    '${HOME}',
    '$',
    '$$',
    "$'a'",
    '!',
    '!!',
    '!id',
    '#',
    '# a',
    '~',
    '~root',
    '=ls',
    '=',
    'a=b',
  ],
  ...[
    '*',
    '?',
    '[a-z]*',
    '{a,b}',
    '{1..3}',
    '-',
    '--',
    '-n',
    '-e',
    '--help',
    '%s',
    '%',
    '&',
    '&&',
    '|',
    ';',
    '<',
    '>',
    '(',
  ],
  ...[
    ')',
    '^',
    '@',
    '+',
    ':',
    ',',
    '.',
    '/',
    '0',
    '2',
    'if',
    'done',
    'time',
    '\u0001',
    '\b',
    '\u001b[201~',
    '\u007f',
    '\u009b',
  ],
  ...['é', 'e\u0301', '\u{1f600}', '\u202eabc', 'שלום', '\u00a0', '\u2028', '\ufeff', '\ufffc', '\uffff', '‘’', '“”'],
  ...['\u001b]0;a\u0007', "a'\u0001'b", "'\u001b", "\u001b'", 'x'.repeat(20_000), "'".repeat(2_000), '\r'.repeat(500)],
]

const character = fc.constantFrom(...'\'"`$(){}[]<>|&;*?!#~=%^\\/-+.,:@ \t\n\r\b\u001b\u0085aZ0é\u0301\u{1f600}\u202e')
const anyWord = fc
  .oneof(
    { arbitrary: fc.string({ unit: character, maxLength: 20 }), weight: 3 },
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.constantFrom(...difficultWords.filter((difficult) => difficult.length < 100)),
  )
  .filter((text) => !text.includes('\0'))

/** Runs `check` over batches of about a hundred words each. */
function checkWords(batches: number, check: (words: string[]) => void): void {
  fc.assert(fc.property(fc.array(anyWord, { minLength: 80, maxLength: 120, size: 'max' }), check), { numRuns: batches })
}

// zsh is what many people paste into, but no installation needs it: it is asked where it is installed.
// On Debian, `sh` is dash.
const isShDash = basename(realpathSync('/bin/sh')) === 'dash'
const shells = ['sh', 'bash', ...(isShDash ? [] : ['dash']), ...(isInstalled('zsh') ? ['zsh'] : [])]

describe.each(shells)('%s', (shell) => {
  const isPresent = isInstalled(shell)
  const realTest = test.skipIf(!isPresent && !isRequired)

  realTest('receives difficult words unchanged', () => {
    for (const difficult of difficultWords) {
      expect(run(shell, print(difficult))).toEqual([difficult])
    }
  })

  realTest('receives random words unchanged', () => {
    checkWords(20, (words) => {
      expect(run(shell, print(...words))).toEqual(words)
    })
  })

  realTest('receives the parts of a word as one word', () => {
    checkWords(6, (batch) => {
      // Each makes three words, with the text four times.
      const words = batch.slice(0, 30)
      const joined = words.flatMap((text) => [word('--key=', text), word(text, '=end'), word(raw`a'b'`, text, text)])
      expect(run(shell, print(...joined))).toEqual(
        words.flatMap((text) => [`--key=${text}`, `${text}=end`, `ab${text}${text}`]),
      )
    })
    expect(run(shell, print(word('--key=', ''), word('a', '', 'b'), word('', '')))).toEqual(['--key=', 'ab', ''])
  })

  realTest('receives words through assignments, substitutions and another shell', () => {
    checkWords(6, (words) => {
      const [first = '', second = ''] = words
      const assigned = command(assignment('A', first)).followedBy(print(raw`"$A"`))
      const inEnvironment = command(assignment('B', second), 'env', 'printenv', '-0', 'B')
      expect(run(shell, assigned.followedBy(inEnvironment))).toEqual([first, second])
      expect(run(shell, print(command('printf', '%s', `${first}.`).output()))).toEqual([`${first}.`])
      expect(run(shell, command(shell, '-c', print(...words).text).and(print(...words)))).toEqual([...words, ...words])
    })
  })

  realTest('passes the same words to an external program', () => {
    checkWords(6, (words) => {
      expect(run(shell, command('env', '-i', '/usr/bin/printf', '%s\\0', ...words))).toEqual(words)
    })
  })

  realTest('keeps a number before a redirection as a word', () => {
    expect(run(shell, print(2).redirect('2>', '/dev/null'))).toEqual(['2'])
  })

  realTest('reads a command of several lines as one', () => {
    expect(run(shell, print(['a b'], [], ["c'd"]))).toEqual(['a b', "c'd"])
    expect(run(shell, print('a').and(print('b'), { newLine: true }))).toEqual(['a', 'b'])
    expect(run(shell, print('a').pipe(command('cat'), { newLine: true }).and(print('b')))).toEqual(['a', 'b'])
  })

  realTest('reads groups of commands', () => {
    const [fails, works] = [command('false'), command('true')]
    expect(run(shell, fails.and(fails.or(works)).or(print('a')))).toEqual(['a'])
    expect(run(shell, works.or(fails).redirect('2>', '/dev/null').and(fails).or(works).pipe(print('b')))).toEqual(['b'])
    const output = command('printf', 'c').or(works).redirect('2>', '/dev/null').pipe(command('cat')).output()
    expect(run(shell, print(output))).toEqual(['c'])
  })

  describe('the name of a command', () => {
    let folder = ''
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'shell-'))
    })
    afterAll(() => rmSync(folder, { recursive: true }))

    const names = [
      'if',
      'done',
      'time',
      'select',
      'a=b',
      'a+=b',
      '=ls',
      '{',
      '!',
      '[[',
      'a b',
      "it's",
      '~',
      '*',
      '-x',
      '$(id)',
    ]
    test.skipIf(!isPresent && !isRequired).each(names)('may be %s', (name) => {
      const program = join(folder, name)
      writeFileSync(program, '#!/bin/sh\nprintf \'%s\\0\' ran "$@"\n')
      chmodSync(program, 0o755)
      expect(
        run(shell, command(assignment('PATH', `${folder}:/usr/bin:/bin`)).followedBy(command(name, name))),
      ).toEqual(['ran', name])
    })
  })
})

test('rejects a word that UTF-8 cannot encode', () => {
  expect(() => command('printf', '%s', '\ud83d')).toThrow(ShellQuotingError)
})

// There is no PowerShell for every system that these tests run on: its rules are modelled in powershell.test.ts,
// and asked of the real one where it is installed, as with zsh.
if (isInstalled('pwsh')) {
  test('pwsh passes the accepted words to a program', () => {
    const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))'
    const accepted = difficultWords.filter((text) => {
      try {
        return powershell(raw`run`, text).text.length < 10_000
      } catch {
        return false
      }
    })
    const program = powershell(raw`&`, process.execPath, raw`-e`, script, raw`--`, ...accepted)
    const output = execFileSync('pwsh', ['-NoProfile', '-NonInteractive', '-Command', program.text], {
      encoding: 'utf8',
    })
    expect(JSON.parse(output)).toEqual(accepted)
  })
}
