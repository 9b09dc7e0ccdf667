import { readFileSync } from 'node:fs'

/** Reads a kernel file as text. Returns `undefined` for an unreadable file, so that it costs one value only. */
export type ReadFile = (name: string) => string | undefined

/** Returns a reader for the files of a folder. The folder has no trailing slash. */
export function fileReader(folder: string): ReadFile {
  return (name) => {
    try {
      return readFileSync(`${folder}/${name}`, 'utf8')
    } catch {
      return undefined
    }
  }
}

/** The kernel writes a value near 2^64 for a negative difference, such as of two counters that were read in turn. */
const MAX_AMOUNT = 2 ** 63

/** Returns an amount of the kernel, `undefined` for an impossible one. */
export function amountOf(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 && value < MAX_AMOUNT ? value : undefined
}

/** Parses a file that holds one number. */
export function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+\s*$/.test(text)) return undefined
  return amountOf(Number(text))
}

/** The kernel writes the largest page-aligned number for “no limit”. */
const NO_LIMIT = 2 ** 62

/** Parses a file that holds a limit. Returns `undefined` for none. */
export function parseLimit(text: string | undefined): number | undefined {
  const limit = parseNumber(text)
  return limit !== undefined && limit < NO_LIMIT ? limit : undefined
}

/** Parses lines of `name number` on demand: of forty lines of `memory.stat`, two are needed. */
export function parseTable(text = ''): (name: string) => number | undefined {
  const lines = `\n${text}`
  return (name) => {
    const line = lines.indexOf(`\n${name} `)
    if (line === -1) return undefined
    const begin = line + name.length + 2
    const end = lines.indexOf('\n', begin)
    return parseNumber(lines.slice(begin, end === -1 ? undefined : end))
  }
}

/** Divides a value; `undefined` stays `undefined`. */
export function divide(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor
}

/** Subtracts a part; an unknown part counts as 0. Never negative: the two values are not read at the same moment. */
export function subtract(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined ? whole : Math.max(0, whole - part)
}
