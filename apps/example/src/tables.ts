import Table from 'cli-table3'

/** Rows under headings, as text for a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({ head: [...head], style: { head: [], border: [], compact: true } })
  drawn.push(...rows.map((row) => [...row]))
  return drawn.toString()
}

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 })
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A value as people read it: shares in per cent, bytes in binary units, the rest with its UCUM unit. */
export function formatValue(value: number, unit: string): string {
  if (unit === '1') return `${number.format(value * 100)} %`
  if (unit === 'By') {
    const power = value >= 1 ? Math.min(BINARY.length - 1, Math.floor(Math.log2(value) / 10)) : 0
    return `${number.format(value / 1024 ** power)} ${BINARY[power]}`
  }
  return `${number.format(value)} ${unit.replaceAll(/[{}]/g, '')}`
}
