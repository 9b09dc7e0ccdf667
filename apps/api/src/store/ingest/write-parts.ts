import { createTimeSlice } from '@rca/core'
import type { ReportedEntity } from '@rca/core/protocol'

/** Rows that one part of a report writes, about 5 ms of work. */
const MAX_PART_WEIGHT = 1000

/** Waits until other work was served, if this one has blocked the event loop for long. */
export type Pause = () => Promise<void>

/** Creates a function that is called between two parts of a request, whose statements block the event loop. */
export function createPause(): Pause {
  const slice = createTimeSlice()
  return async () => {
    if (slice.isOver()) await slice.next()
  }
}

/** Cuts signals into parts of limited weight, each of at least one signal. */
export function* inParts<Signal>(
  signals: readonly Signal[],
  weightOf: (signal: Signal) => number = () => 1,
): Iterable<readonly Signal[]> {
  let weight = 0
  let start = 0
  for (const [index, signal] of signals.entries()) {
    weight += weightOf(signal)
    if (weight < MAX_PART_WEIGHT) continue
    yield signals.slice(start, index + 1)
    start = index + 1
    weight = 0
  }
  if (start < signals.length) yield signals.slice(start)
}

/** Bytes of a replaced state that count as one row: the relations and labels that it had are compared and deleted. */
const REPLACED_BYTES_PER_ROW = 256

/** Returns the rows that an entity takes: its own, and those of its relations and labels. */
export function weightOfEntity({ relations, attributes }: ReportedEntity, replacedBytes = 0): number {
  return 1 + relations.length + Object.keys(attributes).length + replacedBytes / REPLACED_BYTES_PER_ROW
}
