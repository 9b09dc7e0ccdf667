import { describe, expect, test } from 'vitest'
import { tailOf } from './log-tail.ts'

const most = 16 * 1024

describe('the end of a text', () => {
  test('is all of it, where it is short', () => {
    expect(tailOf('')).toBe('')
    expect(tailOf('ü'.repeat(most / 2))).toBe('ü'.repeat(most / 2))
  })

  test('is 16 KiB at most, from the beginning of a line on', () => {
    const lines = Array.from({ length: 2000 }, (_, number) => `line ${number} – ünïcödé\n`)
    const tail = tailOf(lines.join(''))
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(most)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(most - 100)
    expect(lines).toContain(`${tail.split('\n')[0]}\n`)
    expect(lines.join('').endsWith(tail)).toBe(true)
  })

  test.each([
    ['', ''],
    ['and the line is ended', '\n'],
    ['and lines come before', '', 'before\n'],
  ])('is the end of the line, where one line is longer than that %s', (_how, end, before = '') => {
    const text = `${before}${'€'.repeat(most)}the reason${end}`
    const tail = tailOf(text)
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(most)
    expect(Buffer.byteLength(tail)).toBeGreaterThan(most - 100)
    // No half character at its beginning.
    expect(text.endsWith(tail)).toBe(true)
  })
})
