import { createTimeSlice } from '@rca/core'
import type { PreparedEntity, PreparedEvent, PreparedPoints } from './prepared-report.ts'

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

/** Attributes that count as one row: those of a new series are sorted and stored. */
const ATTRIBUTES_PER_ROW = 8

/** Bytes of text that count as one row. */
const BYTES_PER_ROW = 4096

/** @param replacedBytes size of the stored state */
export function weightOfEntity({ rows }: PreparedEntity, replacedBytes = 0): number {
  return rows + replacedBytes / REPLACED_BYTES_PER_ROW
}

export function weightOfPoints({ values, metrics = [] }: PreparedPoints): number {
  const attributes = metrics.reduce((sum, { metric }) => sum + Object.keys(metric.attributes).length, 0)
  return values.length + attributes / ATTRIBUTES_PER_ROW
}

export function weightOfEvent({ event, attributes }: PreparedEvent): number {
  return 1 + (event.body.length + attributes.length) / BYTES_PER_ROW
}
