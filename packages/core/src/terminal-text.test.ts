import { describe, expect, test } from 'vitest'
import { escapeTerminalJson, toTerminalJson, toTerminalLine, toTerminalText } from './terminal-text.ts'

/** Names of containers and bodies of events that a terminal would interpret. */
const UNSAFE: readonly (readonly [what: string, text: string, shown: string])[] = [
  ['a colour', 'web\u001b[31mdown\u001b[0m', 'webdown'],
  ['a cleared screen', 'web\u001b[2J\u001b[H', 'web'],
  ['a cleared screen of one byte', 'web\u009b2J', 'web'],
  ['a bell', 'web\u0007', 'web'],
  ['a title', '\u001b]0;owned\u0007web', 'web'],
  ['a link', '\u001b]8;;https://evil.example\u001b\\web\u001b]8;;\u001b\\', 'web'],
  ['the clipboard', '\u001b]52;c;cm0gLXJmIC8=\u0007web', 'web'],
  ['a device request', '\u001bP$q"p\u001b\\web', 'web'],
  ['a title without an end', '\u001b]0;web', '0;web'],
  ['a carriage return', 'all is well\rweb', 'all is wellweb'],
  ['backspaces', 'web\b\b\b', 'web'],
  ['text from right to left', 'web\u202efdp.exe', 'webfdp.exe'],
  ['isolated text', '\u2066web\u2069\u200f\u061c', 'web'],
  ['a delete character', 'web\u007f', 'web'],
]

describe('toTerminalText', () => {
  test.each(UNSAFE)('removes %s', (_what, text, shown) => {
    expect(toTerminalText(text)).toBe(shown)
    expect(toTerminalLine(text)).toBe(shown)
  })

  test('keeps lines, tabs and all letters', () => {
    const text = 'Größe\t日本\n\u{1f600} שלום'
    expect(toTerminalText(text)).toBe(text)
    expect(toTerminalText('one\r\ntwo')).toBe('one\ntwo')
  })

  test('is linear in the length of the text', () => {
    expect(toTerminalText('\u001b]'.repeat(500_000))).toBe('')
  })
})

describe('toTerminalLine', () => {
  test('joins lines', () => {
    expect(toTerminalLine('web\nok    token\u2028x')).toBe('web ok    token x')
  })
})

describe('toTerminalJson', () => {
  test.each(UNSAFE)('escapes %s', (_what, text) => {
    const json = toTerminalJson({ [text]: [text] }, 2)
    expect(json).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u)
    expect(JSON.parse(json)).toEqual({ [text]: [text] })
  })

  test('keeps the line feed after a log line', () => {
    expect(escapeTerminalJson('{"name":"\u009b2J"}\n')).toBe('{"name":"\\u009b2J"}\n')
  })
})
