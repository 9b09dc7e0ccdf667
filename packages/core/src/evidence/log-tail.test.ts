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
  ])('returns the end of a line that is longer than 16 KiB %s', (_how, end, before = '') => {
    const text = `${before}${'€'.repeat(MAX_BYTES)}the reason${end}`
    const tail = tailOf(text)
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(MAX_BYTES)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(MAX_BYTES - 100)
    // It does not begin with half a character.
    expect(text.endsWith(tail)).toBe(true)
  })
})
