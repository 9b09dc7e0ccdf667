import { createByteBuffer } from './byte-buffer.ts'

/** Bytes of signals from which on a report is full. A single signal may be larger, and goes alone. */
export const PART_BYTES: number = 2 * 1024 * 1024

/** Lists of signals. Each is written as a whole before the next begins. Events first: a queue that overflows gives up last what has some. */
const LISTS = ['events', 'entities', 'metrics'] as const

/** One of them. */
export type PartList = (typeof LISTS)[number]

/** A report, or part of one, that is written signal by signal, as bytes at once: tens of thousands of texts would have to be collected twice. */
export interface Part {
  /** An empty part, in the place of the one before. */
  begin(): void
  /** Whether this fits, or the part is empty. */
  hasRoom(json: string | Uint8Array): boolean
  /** Adds signals: JSON, separated by commas. */
  add(list: PartList, json: string | Uint8Array): void
  hasEvents(): boolean
  /** The whole, until anything is added or the next begins. @param rest what stands behind the lists within `data`, and behind `data` */
  end(rest: string): Uint8Array
}

/** An empty part. Its bytes are used again and again: as many new ones would wait for the garbage collector. */
export function createPart(): Part {
  const bytes = createByteBuffer()
  const begun = new Set<PartList>()
  const begin = (): void => {
    bytes.clear()
    begun.clear()
    bytes.write('{"data":{')
  }
  begin()
  return {
    begin,
    hasRoom: (json) => begun.size === 0 || bytes.length() + Buffer.byteLength(json) <= PART_BYTES,
    add: (list, json) => {
      bytes.write(begun.has(list) ? ',' : `${begun.size === 0 ? '' : '],'}"${list}":[`)
      begun.add(list)
      bytes.write(json)
    },
    hasEvents: () => begun.has('events'),
    end: (rest) => {
      const missing = LISTS.filter((list) => !begun.has(list)).map((list) => `"${list}":[],`)
      bytes.write(`${begun.size === 0 ? '' : '],'}${missing.join('')}${rest}`)
      return bytes.written()
    },
  }
}
