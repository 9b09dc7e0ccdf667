import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { type Command, command } from './command.ts'
import { powershell } from './powershell.ts'

const { raw } = powershell
const run = (...values: readonly (string | number | boolean)[]): Command => powershell(raw`run`, ...values)

test.each<[string | number | boolean, string]>([
  ['plain', "'plain'"],
  [2, "'2'"],
  [true, "'true'"],
  ['-Name', "'-Name'"],
  ["it's", "'it''s'"],
  ['\u2018\u2019\u201a\u201b', "'\u2018\u2018\u2019\u2019\u201a\u201a\u201b\u201b'"],
  ['$(Get-Date) `n', "'$(Get-Date) `n'"],
  ['C:\\dir\\', "'C:\\dir\\'"],
])('quotes %j as %s', (value, expected) => {
  expect(run(value).text).toBe(`run ${expected}`)
})

describe('powershell', () => {
  test('writes raw names, quoted values and continued lines', () => {
    expect(powershell(raw`docker run`, [raw`-Name`, 'b c'], ['image']).text).toBe(
      "docker run `\n  -Name 'b c' `\n  'image'",
    )
  })

  test('passes a command to another PowerShell as text', () => {
    const fetch = powershell(raw`irm`, 'https://rca.example.com/install/agent.ps1').pipe(powershell(raw`iex`))
    expect(fetch.text).toBe("irm 'https://rca.example.com/install/agent.ps1' | iex")
    expect(powershell(raw`powershell -Command`, fetch.text).text).toBe(
      "powershell -Command 'irm ''https://rca.example.com/install/agent.ps1'' | iex'",
    )
  })

  test.each<[string, () => Command, string]>([
    ['a name that is a value', () => powershell('run'), 'the name of a command must be `raw`'],
    ['an argument of several parts', () => powershell(raw`run`, command.word('a', 'b')), 'has several parts'],
    ['an assignment', () => powershell(raw`run`, command.assignment('A', 'b')), 'has several parts'],
    ['the output of a command', () => powershell(raw`run`, command('date').output()), 'only `command` can express'],
    ['undefined', () => run(undefined as unknown as string), 'argument 2 of `run` is of type undefined'],
    ['no argument', () => powershell(), 'needs at least one argument'],
  ])('rejects %s', (_what, build, message) => {
    expect(build).toThrow(TypeError)
    expect(build).toThrow(message)
  })

  test('keeps a backslash at the end of a word without a space', () => {
    expect(run('c\\').text).toBe("run 'c\\'")
  })
})

test.each([
  ['', 'is empty'],
  ['say "secret"', 'contains a double quote'],
  ['--%', 'is `--%`'],
  ['secret\nsecret', 'a control character or a line break'],
  ['secret\u0085', 'a control character or a line break'],
  ['secret\udc00', 'half of a surrogate pair'],
  ['secret path\\', 'ends with a backslash'],
])('rejects the value %j without repeating it', (value, message) => {
  const build = () => run(value)
  expect(build).toThrow(ShellQuotingError)
  expect(build).toThrow(message)
  expect(build).not.toThrow('secret')
})

// PowerShell does not run on every machine that runs these tests, so its rules are modelled here from its documentation
// and the sources of its tokenizer and its native argument binder, not from the code above. Where `pwsh` is installed,
// shell.real.test.ts asks it.

/** Parses the arguments of a command that consists of a name and single-quoted words. */
function parseAsPowerShell(text: string): string[] {
  const isQuote = (character: string | undefined) =>
    character !== undefined && "'\u2018\u2019\u201a\u201b".includes(character)
  const words: string[] = []
  let index = text.indexOf(' ')
  while (index < text.length) {
    if (text[index] !== ' ' || !isQuote(text[index + 1])) {
      throw new Error(`not a quoted word at ${index}: ${text}`)
    }
    index += 2
    let word = ''
    while (!(isQuote(text[index]) && !isQuote(text[index + 1]))) {
      index += isQuote(text[index]) ? 1 : 0
      if (text[index] === undefined) {
        throw new Error(`an open quote: ${text}`)
      }
      word += text[index]
      index += 1
    }
    words.push(word)
    index += 1
  }
  return words
}

/**
 * The command line that Windows PowerShell 5.1 hands to a program: double quotes around blanks, nothing escaped,
 * empty words left out.
 */
function joinAsWindowsPowerShell(words: readonly string[]): string {
  return words
    .filter((word) => word !== '')
    .map((word) => (/\s/.test(word) ? `"${word}"` : word))
    .join(' ')
}

/** Splits a command line into arguments by the rules of Microsoft's C runtime. */
function splitAsProgram(commandLine: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let isQuoted = false
  for (let index = 0; index < commandLine.length; index += 1) {
    const [run = ''] = /^\\*/.exec(commandLine.slice(index)) ?? []
    index += run.length
    const character = commandLine[index]
    if (character === '"') {
      word = `${word ?? ''}${'\\'.repeat(run.length / 2)}`
      if (run.length % 2 === 1) {
        word += '"'
      } else {
        isQuoted = !isQuoted
      }
      continue
    }
    word = run === '' ? word : `${word ?? ''}${run}`
    if (character === undefined || (!isQuoted && (character === ' ' || character === '\t'))) {
      if (word !== undefined) {
        words.push(word)
      }
      word = undefined
    } else {
      word = `${word ?? ''}${character}`
    }
  }
  return word === undefined ? words : [...words, word]
}

const difficultWord = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'\'\u2018\u2019\u201a\u201b"“ \\$`(){};|&%@#,-~*a\u00a0') }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
)

function isAccepted(word: string): boolean {
  try {
    run(word)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(ShellQuotingError)
    return false
  }
}

test('every word survives PowerShell’s quoting rules, and arrives in a program that Windows PowerShell starts', () => {
  let accepted = 0
  fc.assert(
    fc.property(fc.array(difficultWord, { maxLength: 20 }), (candidates) => {
      const words = candidates.filter(isAccepted)
      accepted += words.length
      const parsed = words.length === 0 ? [] : parseAsPowerShell(run(...words).text)
      expect(parsed).toEqual(words)
      expect(splitAsProgram(joinAsWindowsPowerShell(parsed))).toEqual(words)
    }),
    { numRuns: 1000 },
  )
  expect(accepted).toBeGreaterThan(2000)
})

test.each(['', 'a "b" c', '"', 'a b\\', ' \\\\'])('Windows PowerShell would change the rejected word %j', (word) => {
  expect(isAccepted(word)).toBe(false)
  expect(splitAsProgram(joinAsWindowsPowerShell([word]))).not.toEqual([word])
})
