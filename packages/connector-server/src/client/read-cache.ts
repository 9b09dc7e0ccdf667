import { performance } from 'node:perf_hooks'

/** How long host facts are cached, in milliseconds: a little less than the interval of their collector, one hour. */
export const HOST_FACTS_CACHE_MS: number = 55 * 60_000

/** Returns a function that reads once per `milliseconds`, also for concurrent calls. Does not cache failures. */
export function cacheFor<Reading>(
  milliseconds: number,
  read: () => Promise<Reading>,
  now: () => number = () => performance.now(),
): () => Promise<Reading> {
  let cached: { readonly reading: Promise<Reading>; readonly until: number } | undefined
  return () => {
    if (cached === undefined || now() >= cached.until) {
      const entry = { reading: read(), until: now() + milliseconds }
      cached = entry
      entry.reading.catch(() => {
        if (cached === entry) cached = undefined
      })
    }
    return cached.reading
  }
}
