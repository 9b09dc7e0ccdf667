import type { Metric } from '../../connector/signals.ts'
import type { SignalWriter } from '../../delivery/redaction.ts'

/** Points that are written together: each text costs something by itself. */
const BATCH = 50

/** Points whose text together is longer than this are written one by one, in characters. */
const LONGEST = 128 * 1024

/** Points as JSON, some at a time, separated by commas. */
export function* writeInBatches(points: Iterable<Metric>, write: Pick<SignalWriter, 'metrics'>): Iterable<string> {
  for (const some of batches(points)) {
    const json = write.metrics(some)
    if (json.length <= LONGEST) yield json
    else for (const point of some) yield write.metrics([point])
  }
}

function* batches(points: Iterable<Metric>): Iterable<readonly Metric[]> {
  let some: Metric[] = []
  for (const point of points) {
    some.push(point)
    if (some.length < BATCH) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
