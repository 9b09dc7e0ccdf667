import { toTerminalLine } from '@rca/core'
import Table from 'cli-table3'

/** Width of everything that is printed except commands, in columns of a terminal. */
const MAX_WIDTH = 100

/** Draws rows under headings, at most 100 columns wide. Cells wrap between words; longer words are cut with `…`. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(toTerminalLine))
  const drawn = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colWidths: columnWidths([head, ...cells]),
    wordWrap: true,
  })
  drawn.push(...cells)
  return drawn.toString()
}

/** Breaks a text between words, at 100 columns. */
export function paragraph(text: string): string {
  return text.replaceAll(new RegExp(`(?=.{${MAX_WIDTH + 1}})(.{1,${MAX_WIDTH}}) `, 'g'), '$1\n')
}

/** Returns the width of each column, with a space on either side of its text. */
function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? ''))
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)) + 2)
  const longestWords = columns.map(
    (cells) => Math.max(...cells.flatMap((cell) => cell.split(' ').map((word) => word.length))) + 2,
  )
  const available = MAX_WIDTH - (columns.length + 1)
  while (widths.reduce((sum, width) => sum + width, 0) > available) {
    const breakable = widths.map((width, column) => (width > (longestWords[column] ?? 0) ? width : 0))
    const widest = Math.max(...(breakable.some((width) => width > 0) ? breakable : widths))
    widths[(breakable.includes(widest) ? breakable : widths).indexOf(widest)] = widest - 1
  }
  return widths
}

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 })
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Formats a value for people: ratios in per cent, bytes in binary units, other values with their UCUM unit. */
export function formatValue(value: number, unit: string): string {
  if (unit === '1') return `${number.format(value * 100)} %`
  if (unit === 'By') {
    const power = value >= 1 ? Math.min(BINARY.length - 1, Math.floor(Math.log2(value) / 10)) : 0
    return `${number.format(value / 1024 ** power)} ${BINARY[power]}`
  }
  return `${number.format(value)} ${unit.replaceAll(/[{}]/g, '')}`
}
