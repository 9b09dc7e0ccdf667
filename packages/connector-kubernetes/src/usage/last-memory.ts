import type { Metric } from '@rca/core/connector'
import { usageMetrics } from './signals.ts'

/** How long the memory of a container is kept that is not measured any more, in milliseconds. */
const KEPT = 180_000

/** What a container needed of memory when it was last measured. */
export interface MeasuredMemory {
  /** Bytes. */
  readonly workingSet: number
  readonly at: Date
}

/** The newest memory of every container: what is evidence once one has ended. */
export interface LastMemory {
  /** Takes what was measured just now. */
  take(points: readonly (Metric | undefined)[], at: Date): void
  /** Drops what was measured so long before that it says nothing any more. */
  dropOld(now: Date): void
  /** @param id of the container's entity */
  of(id: string): MeasuredMemory | undefined
}

/** Nothing was measured yet. */
export function createLastMemory(): LastMemory {
  const measured = new Map<string, MeasuredMemory>()
  const { name } = usageMetrics.containerMemoryWorkingSet
  return {
    take: (points, at) => {
      for (const point of points)
        if (point?.name === name) measured.set(point.entity.id, { workingSet: point.value, at })
    },
    dropOld: (now) => {
      for (const [id, { at }] of measured) if (now.getTime() - at.getTime() > KEPT) measured.delete(id)
    },
    of: (id) => measured.get(id),
  }
}
