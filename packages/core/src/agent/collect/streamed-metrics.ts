import type { CollectContext } from '../../connector/connector.ts'
import type { Metric } from '../../connector/signals.ts'
import { createTimeSlice } from '../../event-loop.ts'
import { createProblems } from '../validate/problems.ts'
import type { CheckedSignals, SignalCheck } from '../validate/validate-signals.ts'

/** Takes points. Resolves when there is room for more. */
export type Tell = (points: readonly Metric[]) => Promise<void>

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
  const { report, all } = createProblems()
  return {
    take: async (points, throwIfOver) => {
      // Whatever a connector that was not compiled hands over.
      if (!Array.isArray(points)) return report('what it told is no list')
      const slice = createTimeSlice()
      for (let from = 0; from < points.length; from += PIECE) {
        throwIfOver()
        const checked = check.points(points.slice(from, from + PIECE))
        for (const problem of checked.problems) report(problem)
        if (send === undefined) kept.push(...checked.metrics)
        else await send(checked.metrics)
        if (slice.isOver()) await slice.next()
      }
      throwIfOver()
    },
    with: (signals) => {
      for (const problem of signals.problems) report(problem)
      return {
        ...signals,
        metrics: kept.length === 0 ? signals.metrics : [...kept, ...signals.metrics],
        problems: all(),
      }
    },
  }
}
