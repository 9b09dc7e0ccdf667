import type { CollectContext, Collector, Metric, Signals } from '@rca/core/connector'
import { manualClock } from './manual-clock.ts'

/** What a test may set of a collector's context. */
export interface CollectContextOptions {
  readonly signal?: AbortSignal
  /** @default the time of a new `manualClock` */
  readonly now?: () => Date
  readonly fullSnapshot?: boolean
}

/** Returns the context of one collector's runs. Pass the same one to the next run, which then finds the state that this run swapped in. */
export function collectContext(options: CollectContextOptions = {}): CollectContext {
  let state: unknown
  return {
    signal: new AbortController().signal,
    now: manualClock().now,
    tell: () => Promise.reject(new Error('run the collector with `runCollector`, which keeps streamed points')),
    swapState: <Reading>(reading: Reading): Reading | undefined => {
      const previous = state as Reading | undefined
      state = reading
      return previous
    },
    ...options,
  }
}

/** Runs a collector once. Returns its signals, with the points that it streamed first. */
export async function runCollector<Client>(
  collector: Collector<Client>,
  client: Client,
  context: CollectContext = collectContext(),
): Promise<Signals> {
  const streamed: (Metric | undefined)[] = []
  const tell: CollectContext['tell'] = async (points) => void streamed.push(...points)
  const signals = await collector.collect(client, { ...context, tell })
  return streamed.length === 0 ? signals : { ...signals, metrics: [...streamed, ...(signals.metrics ?? [])] }
}
