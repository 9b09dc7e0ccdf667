import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { formatValue, paragraph, table } from './tables.ts'

const widths = (text: string): number[] =>
  stripVTControlCharacters(text)
    .split('\n')
    .map((line) => line.length)

describe('table', () => {
  test('draws short cells on one line each', () => {
    expect(stripVTControlCharacters(table(['type', 'name'], [['host', 'web-1']]))).toBe(
      ['┌──────┬───────┐', '│ type │ name  │', '├──────┼───────┤', '│ host │ web-1 │', '└──────┴───────┘'].join('\n'),
    )
  })

  test('shows names in one line, without what a terminal interprets', () => {
    const text = table(['type', 'name'], [['host', '\u001b[2Jweb\u009b31m-1\u0007\r\u202e\nhost']])
    expect(stripVTControlCharacters(text)).toContain('│ host │ web-1 host │')
    for (const removed of ['\u001b[2J', '\u0007', '\r', '\u009b', '\u202e']) expect(text).not.toContain(removed)
  })

  test('wraps long lists of attributes within 100 columns, and keeps every attribute', () => {
    const attributes = Array.from({ length: 20 }, (_, index) => `label-${index}=value`)
    const text = table(['metric', 'attributes', 'value'], [['container.cpu.usage', attributes.join(' '), '1 %']])
    expect(Math.max(...widths(text))).toBe(100)
    for (const attribute of attributes) expect(text).toContain(attribute)
  })

  test('wraps between words before it cuts a word', () => {
    const metric = 'system.memory.linux.available.of.the.host'
    const text = table(['metric', 'reason'], [[metric, 'the engine does not answer '.repeat(5)]])
    expect(text).toContain(metric)
    expect(text).not.toContain('…')
  })

  test('cuts words that are longer than the table, in one column or in many', () => {
    for (const columns of [1, 2, 9]) {
      const text = table(Array(columns).fill('name'), [Array(columns).fill('x'.repeat(150))])
      expect(Math.max(...widths(text))).toBe(100)
      expect(text.match(/…/g)).toHaveLength(columns)
    }
  })
})

describe('paragraph', () => {
  test('breaks between words at 100 columns', () => {
    const text = paragraph('No engine answers. '.repeat(20).trim())
    expect(Math.max(...widths(text))).toBeLessThanOrEqual(100)
    expect(text.replaceAll('\n', ' ')).toBe('No engine answers. '.repeat(20).trim())
  })

  test('leaves short texts and words without an end as they are', () => {
    expect(paragraph('No engine answers.')).toBe('No engine answers.')
    expect(paragraph('x'.repeat(150))).toBe('x'.repeat(150))
  })
})

test.each([
  [0.0714, '1', '7.14 %'],
  [0, 'By', '0 B'],
  [1536, 'By', '1.5 KiB'],
  [2 ** 60, 'By', '1,024 PiB'],
  [12.345678, '{thread}', '12.35 thread'],
])('formatValue shows %d of unit %s as %s', (value, unit, text) => {
  expect(formatValue(value, unit)).toBe(text)
})
