import type { Metric, Signals } from '../../connector/signals.ts'
import { createTimeSlice } from '../../event-loop.ts'
import type { SignalValidator, ValidatedSignals } from '../validate/validate-signals.ts'

/** Takes validated points. Resolves when there is room for more. */
export type MetricSink = (points: readonly Metric[]) => Promise<void>

/** Points that are validated and handed over together, however many a collector yields. */
const METRICS_PER_BATCH = 100

export function isStream(result: unknown): result is AsyncIterable<Signals> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result
}

/** Reads the signals that one run of a collector yields. Without a `sink`, points become part of the run's signals. */
export function createSignalStream(validator: SignalValidator, sink: MetricSink | undefined) {
  const kept: Metric[] = []
  const problems = validator.problems()

  const handOver = async (points: readonly unknown[], signal: AbortSignal): Promise<void> => {
    const slice = createTimeSlice()
    for (let from = 0; from < points.length; from += METRICS_PER_BATCH) {
      const metrics = validator.validateMetrics(points.slice(from, from + METRICS_PER_BATCH), problems)
      if (sink === undefined) kept.push(...metrics)
      else await sink(metrics)
      if (slice.isOver()) await slice.next()
      signal.throwIfAborted()
    }
  }
  return {
    /**
     * Reads a collector's generator to its end. Hands points over at once, and returns everything else for validation.
     * Closes the generator when `signal` aborts, and drops what it yields afterwards.
     */
    read: async (chunks: AsyncIterable<Signals>, signal: AbortSignal): Promise<Signals> => {
      const [entities, events, gaps, unread]: [unknown[], unknown[], unknown[], unknown[]] = [[], [], [], []]
      for await (const chunk of closedOnAbort(chunks, signal)) {
        const lists = validator.lists(chunk, problems)
        // Not as arguments of one call: the stack has no room for more than about 120,000.
        for (const entity of lists.entities ?? []) entities.push(entity)
        for (const event of lists.events ?? []) events.push(event)
        for (const gap of lists.gaps ?? []) gaps.push(gap)
        for (const part of lists.unread ?? []) unread.push(part)
        await handOver(lists.metrics ?? [], signal)
      }
      return { entities, events, gaps, unread } as Signals
    },
    /** Adds the points that were not handed over, and the problems of yielded signals. */
    addTo: (signals: ValidatedSignals): ValidatedSignals => {
      for (const problem of signals.problems) problems.add(problem)
      return {
        ...signals,
        metrics: kept.length === 0 ? signals.metrics : [...kept, ...signals.metrics],
        problems: problems.all(),
      }
    },
  }
}

/**
 * Iterates until `signal` aborts, then throws its reason. Closes the source at that moment, whether it waits at a
 * `yield` or for something that never comes, and ignores what it throws while it closes. Yields to the event loop
 * when a time slice is over: a source that never waits must not block it.
 */
async function* closedOnAbort<Item>(source: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item, void> {
  const iterator = source[Symbol.asyncIterator]()
  const slice = createTimeSlice()
  let closing: Promise<unknown> | undefined
  const close = (): void => {
    closing ??= Promise.resolve()
      .then(() => iterator.return?.())
      .catch(() => undefined)
  }
  signal.addEventListener('abort', close, { once: true })
  let isDone = false
  try {
    while (!isDone) {
      signal.throwIfAborted()
      const next = await iterator.next()
      signal.throwIfAborted()
      isDone = next.done === true
      if (next.done !== true) yield next.value
      if (slice.isOver()) await slice.next()
    }
  } finally {
    signal.removeEventListener('abort', close)
    if (!isDone) close()
    await closing
  }
}
