import { performance } from 'node:perf_hooks'

/** A reading that is kept for a while: asked for again within `milliseconds`, it is the same. A failed one is not kept. */
export function keepFresh<Reading>(
  milliseconds: number,
  read: () => Promise<Reading>,
  now: () => number = () => performance.now(),
): () => Promise<Reading> {
  let kept: { readonly reading: Promise<Reading>; readonly until: number } | undefined
  return () => {
    if (kept === undefined || now() >= kept.until) {
      const mine = { reading: read(), until: now() + milliseconds }
      kept = mine
      mine.reading.catch(() => {
        if (kept === mine) kept = undefined
      })
    }
    return kept.reading
  }
}

/** How long facts are kept, in milliseconds: a little less than the hour after which they are collected again. */
export const FACTS_KEPT: number = 55 * 60_000
