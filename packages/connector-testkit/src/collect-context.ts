import {
  type CollectContext,
  type Collector,
  mergeSignals,
  type Signals,
  type StreamingCollector,
} from '@rca/core/connector'
import { manualClock } from './manual-clock.ts'

/** Options of `collectContext`. */
export interface CollectContextOptions {
  readonly signal?: AbortSignal
  /** @default the time of a new `manualClock` */
  readonly now?: () => Date
  readonly fullSnapshot?: boolean
}

/** Returns the context of a collector. Pass it to the next run too, which then finds the state of this one. */
export function collectContext(options: CollectContextOptions = {}): CollectContext {
  let state: unknown
  return {
    signal: new AbortController().signal,
    now: manualClock().now,
    swapState: <Reading>(reading: Reading): Reading | undefined => {
      const previous = state as Reading | undefined
      state = reading
      return previous
    },
    ...options,
  }
}

/** Runs a collector once. Returns its signals; those that it yields are merged into one result. */
export async function runCollector<Client>(
  collector: Collector<Client> | StreamingCollector<Client>,
  client: Client,
  context: CollectContext = collectContext(),
): Promise<Signals> {
  const result = collector.collect(client, context)
  if (!(Symbol.asyncIterator in result)) return result
  const yielded: Signals[] = []
  for await (const signals of result) yielded.push(signals)
  return mergeSignals(yielded)
}
