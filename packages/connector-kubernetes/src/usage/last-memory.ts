import type { Metric } from '@rca/core/connector'
import { usageMetrics } from './signals.ts'

/** How long the last measurement of a container is kept. */
const MAX_AGE_MS = 180_000

/** The latest memory measurement of a container. */
export interface MeasuredMemory {
  /** Bytes. */
  readonly workingSet: number
  readonly at: Date
}

/** The latest memory measurement of every container, used as evidence after a container ended. */
export interface LastMemory {
  /** Stores the measurements of a cycle. */
  take(points: readonly (Metric | undefined)[], at: Date): void
  /** Drops measurements older than three minutes. */
  dropOld(now: Date): void
  /** @param id ID of the container's entity */
  of(id: string): MeasuredMemory | undefined
}

export function createLastMemory(): LastMemory {
  const measured = new Map<string, MeasuredMemory>()
  const { name } = usageMetrics.containerMemoryWorkingSet
  return {
    take: (points, at) => {
      for (const point of points)
        if (point?.name === name) measured.set(point.entity.id, { workingSet: point.value, at })
    },
    dropOld: (now) => {
      for (const [id, { at }] of measured) if (now.getTime() - at.getTime() > MAX_AGE_MS) measured.delete(id)
    },
    of: (id) => measured.get(id),
  }
}
