import type { SignalWriter } from '../delivery/redaction.ts'
import type { Metric } from '../signals.ts'
import { createByteBuffer } from './byte-buffer.ts'

/** Bytes of points of which a report is made before more are taken. */
const FULL = 1024 * 1024

/** Points that collectors have told before they came back: written at once, they need not be held. */
export interface ToldPoints {
  add(points: readonly Metric[]): void
  isFull(): boolean
  isEmpty(): boolean
  /** All of them as JSON, separated by commas, until it is called again. Begins anew. */
  take(): Uint8Array
  clear(): void
}

/** None yet. */
export function createToldPoints(write: Pick<SignalWriter, 'metrics'>): ToldPoints {
  let [bytes, taken] = [createByteBuffer(), createByteBuffer()]
  return {
    add: (points) => {
      if (points.length === 0) return
      if (bytes.length() > 0) bytes.write(',')
      bytes.write(write.metrics(points))
    },
    isFull: () => bytes.length() >= FULL,
    isEmpty: () => bytes.length() === 0,
    take: () => {
      // In turns: what is told while these are being reported must not take their place.
      ;[bytes, taken] = [taken, bytes]
      bytes.clear()
      return taken.written()
    },
    clear: () => bytes.clear(),
  }
}
