import type { Metric } from '@rca/core'
import { usageMetrics } from '../signals/usage.ts'

/** What a container needed of memory when it was last measured. */
export interface MeasuredMemory {
  /** Bytes. */
  readonly workingSet: number
  readonly at: Date
}

/** The newest memory of every container: what is evidence once one has ended. */
export interface LastMemory {
  /** Takes a round of points, in the place of those before. */
  take(points: readonly (Metric | undefined)[], at: Date): void
  /** @param id of the container's entity */
  of(id: string): MeasuredMemory | undefined
}

/** Nothing was measured yet. */
export function createLastMemory(): LastMemory {
  let before: ReadonlyMap<string, MeasuredMemory> = new Map()
  let newest: ReadonlyMap<string, MeasuredMemory> = new Map()
  return {
    take: (points, at) => {
      // A container that has just ended is missing in the newest round.
      before = newest
      const taken = new Map<string, MeasuredMemory>()
      const { name } = usageMetrics.containerMemoryWorkingSet
      for (const point of points) if (point?.name === name) taken.set(point.entity.id, { workingSet: point.value, at })
      newest = taken
    },
    of: (id) => newest.get(id) ?? before.get(id),
  }
}
