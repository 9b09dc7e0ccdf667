import type { Gap } from '../../connector/signals.ts'
import type { Logger } from '../../logger.ts'
import type { CollectorStatus } from '../../platform/protocol.ts'
import { LIMITS } from '../../platform/protocol.ts'
import { createEndedGaps } from '../report/ended-gaps.ts'
import type { ValidatedSignals } from '../validate/validate-signals.ts'

export interface CollectorRun {
  readonly collector: string
  /** True if the run had to include what has not changed. @default false */
  readonly fullSnapshot?: boolean
  readonly ok: boolean
  readonly durationMs: number
  readonly signals: ValidatedSignals
  /** Why the run failed, or which of its signals were left out. */
  readonly error?: string
}

export type CollectorHealth = ReturnType<typeof createCollectorHealth>

/**
 * Keeps the last outcome of every collector. Logs when a collector begins to fail and when it recovers. Collectors that
 * fail for the same reason as another one cause no further warning.
 */
export function createCollectorHealth(redact: (text: string) => string, log: Logger) {
  const statuses = new Map<string, CollectorStatus>()
  const failures = new Map<string, number>()
  const openGaps = new Map<string, Gap[]>()
  const endedGaps = createEndedGaps()
  const gaps = (): Gap[] => [...openGaps.values()].flat()

  return {
    record: ({ collector, durationMs, signals, error }: CollectorRun, startedAt: Date): void => {
      const openBefore = openGaps.get(collector) ?? []
      const since = new Map(openBefore.map((gap) => [gap.scope, gap.since]))
      const own = error === undefined ? [] : [{ scope: `collector:${collector}`, reason: error }]
      const found = [...own, ...signals.gaps].map((gap: ValidatedSignals['gaps'][number]) => ({
        ...gap,
        reason: redact(gap.reason).slice(0, LIMITS.reason),
        since: gap.since ?? since.get(gap.scope) ?? startedAt.toISOString(),
      }))
      openGaps.set(collector, found)
      const scopes = new Set(found.map(({ scope }) => scope))
      for (const gap of openBefore) if (!scopes.has(gap.scope)) endedGaps.add(gap, startedAt)
      if (error !== undefined) failures.set(collector, (failures.get(collector) ?? 0) + 1)
      const ok = error === undefined
      const before = statuses.get(collector)?.error
      const isKnown = [...statuses.values()].some((status) => status.error === error)
      if (!ok && before === undefined) log[isKnown ? 'debug' : 'warn']({ collector, error }, 'collector failed')
      if (ok && before !== undefined) {
        log.info({ collector }, 'collector recovered')
        // The warning named this collector alone.
        const [other] = [...statuses].find(([name, status]) => name !== collector && status.error === before) ?? []
        if (other !== undefined) log.warn({ collector: other, error: before }, 'collector still fails')
      }
      const duration = Math.round(durationMs * 1000) / 1000
      statuses.set(collector, ok ? { ok, duration_ms: duration } : { ok, duration_ms: duration, error })
    },
    /** Returns the open gaps of the last runs, each with the time at which it first appeared. */
    gaps,
    /** Returns the open gaps for a report, with those that ended since the last one and were not in it. */
    takeGaps: () => endedGaps.take(gaps()),
    statuses: (): Record<string, CollectorStatus> => Object.fromEntries(statuses),
    /** Returns the number of failed runs by collector, since the agent started. */
    failures: (): ReadonlyMap<string, number> => failures,
    /** Discards outcomes, but not the counts: another agent has collected meanwhile. */
    reset: (): void => {
      statuses.clear()
      openGaps.clear()
      endedGaps.clear()
    },
  }
}
