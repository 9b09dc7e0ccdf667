import type { Metric } from '../../connector/signals.ts'
import type { SignalWriter } from '../../delivery/report-redactor.ts'
import { createByteBuffer } from './byte-buffer.ts'

/** Size at which the buffered points should become a report. */
const FULL_BYTES = 1024 * 1024

/** Size of a chunk, which is not divided between reports. */
const CHUNK_BYTES = 256 * 1024

/** Points that are written together: each text has a cost of its own. */
const METRICS_PER_BATCH = 50

/** Length above which a batch is written point by point. */
const MAX_BATCH_LENGTH = 128 * 1024

/** Keeps points that collectors yield while they run, as JSON. */
export function createMetricBuffer(write: Pick<SignalWriter, 'metrics'>) {
  let [bytes, taken] = [createByteBuffer(), createByteBuffer()]
  let chunkOffsets: number[] = []
  const clear = (): void => {
    bytes.clear()
    chunkOffsets = []
  }
  return {
    add: (points: readonly Metric[]): void => {
      for (const json of writeInBatches(points, write)) {
        const offset = chunkOffsets.at(-1)
        if (offset === undefined || bytes.length() - offset >= CHUNK_BYTES) chunkOffsets.push(bytes.length())
        else bytes.write(',')
        bytes.write(json)
      }
    },
    isFull: () => bytes.length() >= FULL_BYTES,
    isEmpty: () => bytes.length() === 0,
    /** Removes all points: chunks of JSON, separated by commas, that are valid until the next call. */
    take: (): readonly Uint8Array[] => {
      // Two buffers in turn: points that arrive while these are reported must not overwrite them.
      ;[bytes, taken] = [taken, bytes]
      const offsets = chunkOffsets
      clear()
      const content = taken.content()
      return offsets.map((offset, chunk) => content.subarray(offset, offsets[chunk + 1]))
    },
    clear,
  }
}

/** Yields points as JSON, in batches separated by commas. */
export function* writeInBatches(points: Iterable<Metric>, write: Pick<SignalWriter, 'metrics'>): Iterable<string> {
  for (const batch of batches(points)) {
    const json = write.metrics(batch)
    if (json.length <= MAX_BATCH_LENGTH) yield json
    else for (const point of batch) yield write.metrics([point])
  }
}

function* batches(points: Iterable<Metric>): Iterable<readonly Metric[]> {
  let batch: Metric[] = []
  for (const point of points) {
    batch.push(point)
    if (batch.length < METRICS_PER_BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
