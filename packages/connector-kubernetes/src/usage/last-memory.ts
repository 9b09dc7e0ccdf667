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
  /** A round of points begins, in the place of those before. */
  measure(at: Date): { take(points: readonly (Metric | undefined)[]): void }
  /** @param id of the container's entity */
  of(id: string): MeasuredMemory | undefined
}

/** By id of the container's entity. */
interface Round {
  readonly at: Date
  readonly workingSets: Map<string, number>
}

/** Nothing was measured yet. */
export function createLastMemory(): LastMemory {
  let rounds: readonly Round[] = []
  return {
    measure: (at) => {
      const round: Round = { at, workingSets: new Map() }
      // A container that has just ended is missing in the newest round; and in this one, as long as it lasts, are those that come late.
      rounds = [round, ...rounds.slice(0, 2)]
      const { name } = usageMetrics.containerMemoryWorkingSet
      return {
        take: (points) => {
          for (const point of points) if (point?.name === name) round.workingSets.set(point.entity.id, point.value)
        },
      }
    },
    of: (id) => {
      for (const { at, workingSets } of rounds) {
        const workingSet = workingSets.get(id)
        if (workingSet !== undefined) return { workingSet, at }
      }
      return undefined
    },
  }
}
