import type { Metric } from '../../connector/signals.ts'
import type { SignalWriter } from '../../delivery/redaction.ts'
import { createByteBuffer } from './byte-buffer.ts'
import { writeInBatches } from './write-batches.ts'

/** Bytes of points of which a report is made before more are taken. */
const FULL = 1024 * 1024

/** Bytes of a piece, which is in one report as a whole. */
const PIECE = 256 * 1024

/** Points that collectors have told before they came back: written at once, they need not be held. */
export interface ToldPoints {
  readonly add: (points: readonly Metric[]) => void
  readonly isFull: () => boolean
  isEmpty(): boolean
  /** All of them, and begins anew. In pieces, each of them JSON, separated by commas: there until it is called again. */
  take(): readonly Uint8Array[]
  clear(): void
}

/** None yet. */
export function createToldPoints(write: Pick<SignalWriter, 'metrics'>): ToldPoints {
  let [bytes, taken] = [createByteBuffer(), createByteBuffer()]
  /** Where pieces begin. */
  let begins: number[] = []
  const clear = (): void => {
    bytes.clear()
    begins = []
  }
  return {
    add: (points) => {
      for (const json of writeInBatches(points, write)) {
        const begin = begins.at(-1)
        if (begin === undefined || bytes.length() - begin >= PIECE) begins.push(bytes.length())
        else bytes.write(',')
        bytes.write(json)
      }
    },
    isFull: () => bytes.length() >= FULL,
    isEmpty: () => bytes.length() === 0,
    take: () => {
      // In turns: what is told while these are being reported must not take their place.
      ;[bytes, taken] = [taken, bytes]
      const from = begins
      clear()
      const all = taken.written()
      return from.map((begin, piece) => all.subarray(begin, from[piece + 1]))
    },
    clear,
  }
}
