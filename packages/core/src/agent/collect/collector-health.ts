import type { Gap } from '../../connector/signals.ts'
import type { Logger } from '../../logger.ts'
import type { CollectorStatus } from '../../platform/protocol.ts'
import { LIMITS } from '../../platform/protocol.ts'
import type { CheckedSignals } from '../validate/validate-signals.ts'

/** What one run of a collector came to. */
export interface CollectorRun {
  readonly collector: string
  /** Whether it was to tell what has not changed as well. @default false */
  readonly fullSnapshot?: boolean
  readonly ok: boolean
  readonly durationMs: number
  readonly signals: CheckedSignals
  /** What went wrong. */
  readonly error?: string
}

/** How the collectors' last runs went. */
export interface CollectionRecord {
  add(run: CollectorRun, startedAt: Date): void
  /** Everything that the last runs could not see, each since it was first so. */
  gaps(): Gap[]
  statuses(): Record<string, CollectorStatus>
  /** Runs that failed, by collector, since the start. */
  failures(): ReadonlyMap<string, number>
  /** Another agent has collected meanwhile: the last runs say nothing of what is so now. */
  forget(): void
}

/** A record of no run yet. Its size is bounded by the collectors and what their last runs said. What begins or ceases to fail is logged. */
export function createCollectionRecord(redact: (text: string) => string, log: Logger): CollectionRecord {
  const statuses = new Map<string, CollectorStatus>()
  const failures = new Map<string, number>()
  const open = new Map<string, Gap[]>()

  return {
    add: ({ collector, durationMs, signals, error }, startedAt) => {
      const since = new Map((open.get(collector) ?? []).map((gap) => [gap.scope, gap.since]))
      const own = error === undefined ? [] : [{ scope: `collector:${collector}`, reason: error }]
      const gaps: CheckedSignals['gaps'] = [...own, ...signals.gaps]
      open.set(
        collector,
        gaps.map((gap) => ({
          ...gap,
          reason: redact(gap.reason).slice(0, LIMITS.reason),
          since: gap.since ?? since.get(gap.scope) ?? startedAt.toISOString(),
        })),
      )
      if (error !== undefined) failures.set(collector, (failures.get(collector) ?? 0) + 1)
      const ok = error === undefined
      const before = statuses.get(collector)?.error
      if (!ok && before === undefined) log.warn({ collector }, `the collector \`${collector}\` fails: ${error}`)
      if (ok && before !== undefined) log.info({ collector }, `the collector \`${collector}\` works again`)
      const duration = Math.round(durationMs * 1000) / 1000
      statuses.set(collector, ok ? { ok, duration_ms: duration } : { ok, duration_ms: duration, error })
    },
    gaps: () => [...open.values()].flat(),
    statuses: () => Object.fromEntries(statuses),
    failures: () => failures,
    forget: () => {
      statuses.clear()
      open.clear()
    },
  }
}
