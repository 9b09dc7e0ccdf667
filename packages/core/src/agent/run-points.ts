import type { CollectContext } from '../connector.ts'
import { createPace } from '../pace.ts'
import type { Metric } from '../signals.ts'
import { type CheckedSignals, MOST_PROBLEMS, type SignalCheck } from './check-signals.ts'
import type { Tell } from './collection.ts'

/** Points that are checked in one go, however many are told. */
const PIECE = 100

/** What one run of a collector tells before it has come back. */
export interface RunPoints {
  /** @param throwIfOver called before anything is taken, and once there is room for more */
  take(points: Parameters<CollectContext['tell']>[0], throwIfOver: () => void): Promise<void>
  /** What the run said in the end, with what belongs to it of what it told. */
  with(signals: CheckedSignals): CheckedSignals
}

/** @param send what is told goes on at once; without it, it is part of what the run says in the end */
export function createRunPoints(check: SignalCheck, send: Tell | undefined): RunPoints {
  const kept: Metric[] = []
  const problems = new Set<string>()
  return {
    take: async (points, throwIfOver) => {
      const pace = createPace()
      for (let from = 0; from < points.length; from += PIECE) {
        throwIfOver()
        const checked = check.points(points.slice(from, from + PIECE))
        for (const problem of checked.problems) if (problems.size < MOST_PROBLEMS) problems.add(problem)
        if (send === undefined) kept.push(...checked.metrics)
        else await send(checked.metrics)
        if (pace.isOver()) await pace.next()
      }
      throwIfOver()
    },
    with: (signals) => ({
      ...signals,
      metrics: kept.length === 0 ? signals.metrics : [...kept, ...signals.metrics],
      problems: [...new Set([...problems, ...signals.problems])].slice(0, MOST_PROBLEMS),
    }),
  }
}
