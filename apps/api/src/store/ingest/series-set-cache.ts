import { LRUCache } from 'lru-cache'

/** Total weight of the cached sets, about 20 MB: the sets of 20,000 agents with 50 series each. */
const MAX_WEIGHT = 2_000_000

/** Weight of a set beside its ids. */
const SET_WEIGHT = 25

/** Ids of the series of sets, by agent and hash. */
export interface SeriesSetCache {
  /** Returns the ids in the order of the set, `undefined` for an unknown set. */
  find(agent: number, set: string): readonly number[] | undefined
  add(agent: number, set: string, ids: readonly number[]): void
  /** Forgets every set, after series were removed. */
  clear(): void
}

/** Creates a cache that forgets the least recently used sets. */
export function createSeriesSetCache(maxWeight: number = MAX_WEIGHT): SeriesSetCache {
  const sets = new LRUCache<string, readonly number[]>({
    maxSize: maxWeight,
    sizeCalculation: (ids) => SET_WEIGHT + ids.length,
  })
  return {
    find: (agent, set) => sets.get(`${agent} ${set}`),
    add: (agent, set, ids) => void sets.set(`${agent} ${set}`, ids),
    clear: () => sets.clear(),
  }
}
