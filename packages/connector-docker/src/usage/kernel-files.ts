import { readFileSync } from 'node:fs'

/** A file of the kernel as text; `undefined` where it cannot be read: one file costs one value. */
export type ReadFile = (name: string) => string | undefined

/** Reads files of a folder, which ends without a slash. */
export function filesOf(folder: string): ReadFile {
  return (name) => {
    try {
      return readFileSync(`${folder}/${name}`, 'utf8')
    } catch {
      return undefined
    }
  }
}

/** A file that holds one number. */
export function numberIn(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+\s*$/.test(text)) return undefined
  return Number(text)
}

/** A file of lines `name number`. Only what is asked for is read: of forty lines of `memory.stat` two matter. */
export function tableIn(text = ''): (name: string) => number | undefined {
  const lines = `\n${text}`
  return (name) => {
    const line = lines.indexOf(`\n${name} `)
    if (line === -1) return undefined
    const begin = line + name.length + 2
    const end = lines.indexOf('\n', begin)
    return numberIn(lines.slice(begin, end === -1 ? undefined : end))
  }
}

/** A number in other units; nothing stays nothing. */
export function scaled(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor
}

/** What is left without a part, or the whole where the part is unknown. Never less than 0: the two are not read at one moment. */
export function without(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined ? whole : Math.max(0, whole - part)
}
