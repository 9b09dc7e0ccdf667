import { describe, expect, test } from 'vitest'
import { tailOf } from './log-tail.ts'

const MAX_BYTES = 16 * 1024

describe('tailOf', () => {
  test('returns a short text unchanged', () => {
    expect(tailOf('')).toBe('')
    expect(tailOf('ü'.repeat(MAX_BYTES / 2))).toBe('ü'.repeat(MAX_BYTES / 2))
  })

  test('returns at most 16 KiB, beginning with a complete line', () => {
    const lines = Array.from({ length: 2000 }, (_, number) => `line ${number} – ünïcödé\n`)
    const tail = tailOf(lines.join(''))
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(MAX_BYTES)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(MAX_BYTES - 100)
    expect(lines).toContain(`${tail.split('\n')[0]}\n`)
    expect(lines.join('').endsWith(tail)).toBe(true)
  })

  test.each([
    ['', ''],
    ['and ends with a line feed', '\n'],
    ['and follows other lines', '', 'before\n'],
    ['and is broken by the runtime', '\nits end\n'],
  ])('returns the end of a line that is longer than 16 KiB %s', (_how, end, before = '') => {
    const text = `${before}${'€'.repeat(MAX_BYTES)}the reason${end}`
    const tail = tailOf(text)
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(MAX_BYTES)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(MAX_BYTES - 100)
    // It does not begin with half a character.
    expect(text.endsWith(tail)).toBe(true)
  })

  test('leaves out the line before the requested ones, whose beginning may be missing', () => {
    expect(tailOf('er2 is refused\nsecond\nthird\n', { lines: 2 })).toBe('second\nthird\n')
    expect(tailOf('second\nthird', { lines: 2 })).toBe('second\nthird')
    // A line of 20,000 bytes counts twice.
    const long = `${'x'.repeat(20_000)} end\n`
    expect(tailOf(`er2 is refused\n${long}`, { lines: 2, redact: (text) => text.replaceAll('x', '') })).toBe(' end\n')
    expect(tailOf(`er2 ${'x'.repeat(40_000)}`, { lines: 2, redact: (text) => text.replaceAll('x', '') })).toBe('')
  })

  test('redacts before it cuts', () => {
    const secret = 'canary'.repeat(1000)
    const tail = tailOf(`key=${secret}\n${'x'.repeat(12_000)}`, { redact: (text) => text.replaceAll(secret, '-') })
    expect(tail).toMatch(/^key=-\nx/)
    expect(tailOf(`canary${'y'.repeat(65_530)} the end`, { redact: (text) => text })).toBe('the end')
  })
})
