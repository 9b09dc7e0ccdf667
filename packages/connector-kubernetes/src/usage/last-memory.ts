import type { Metric } from '@rca/core/connector'
import { usageMetrics } from './signals.ts'

/** How long the last measurement of a container is kept. */
const MAX_AGE_MS = 180_000

export type LastMemory = ReturnType<typeof createLastMemory>

/** Keeps the latest memory measurement of every container, in bytes, as evidence after the container ended. */
export function createLastMemory() {
  const measured = new Map<string, { readonly workingSet: number; readonly at: Date }>()
  const { name } = usageMetrics.containerMemoryWorkingSet
  return {
    /** Stores the measurements of a cycle. */
    take: (points: readonly (Metric | undefined)[], at: Date): void => {
      for (const point of points)
        if (point?.name === name) measured.set(point.entity.id, { workingSet: point.value, at })
    },
    dropOld: (now: Date): void => {
      for (const [id, { at }] of measured) if (now.getTime() - at.getTime() > MAX_AGE_MS) measured.delete(id)
    },
    /** @param id ID of the container's entity */
    of: (id: string) => measured.get(id),
  }
}
