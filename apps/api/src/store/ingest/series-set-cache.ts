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
  const sets = new Map<string, readonly number[]>()
  let weight = 0
  const remove = (key: string, ids: readonly number[]): void => {
    sets.delete(key)
    weight -= SET_WEIGHT + ids.length
  }
  return {
    find: (agent, set) => {
      const key = `${agent} ${set}`
      const ids = sets.get(key)
      if (ids === undefined) return undefined
      // A key that is deleted and set again becomes the last one.
      sets.delete(key)
      sets.set(key, ids)
      return ids
    },
    add: (agent, set, ids) => {
      const key = `${agent} ${set}`
      const known = sets.get(key)
      if (known !== undefined) remove(key, known)
      sets.set(key, ids)
      weight += SET_WEIGHT + ids.length
      for (const [oldest, its] of sets) {
        if (weight <= maxWeight) return
        remove(oldest, its)
      }
    },
    clear: () => {
      sets.clear()
      weight = 0
    },
  }
}
