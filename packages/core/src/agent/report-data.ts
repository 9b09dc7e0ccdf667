import type { Report, ReportedEntity } from '../platform/protocol.ts'
import { REPORT_LIMITS } from '../platform/protocol.ts'
import type { Gap } from '../signals.ts'
import type { CheckedSignals } from './check-signals.ts'
import { entityKey } from './entity-changes.ts'

/** What a report carries, and whether it is all there was to carry. */
export interface ReportData {
  readonly data: Report['data']
  readonly complete: boolean
}

/**
 * Puts together what a report carries: at most as much as the platform takes, and a gap for what that leaves out.
 *
 * @param at ISO 8601: when the report is made
 */
export function reportData(
  parts: readonly CheckedSignals[],
  entities: readonly ReportedEntity[],
  gaps: readonly Gap[],
  at: string,
): ReportData {
  const full = {
    entities,
    metrics: parts.flatMap((part) => part.metrics),
    events: parts.flatMap((part) => part.events),
  }
  const left = Object.entries(full).flatMap(([name, list]): Gap[] => {
    const surplus = list.length - REPORT_LIMITS[name as keyof typeof full]
    const reason = `one report carries at most ${list.length - surplus} ${name}: ${surplus} were left out`
    return surplus > 0 ? [{ scope: `report:${name}`, reason, since: at }] : []
  })
  return {
    data: {
      entities: full.entities.slice(0, REPORT_LIMITS.entities),
      metrics: full.metrics.slice(0, REPORT_LIMITS.metrics),
      events: full.events.slice(0, REPORT_LIMITS.events),
      gaps: [...left, ...gaps].slice(0, REPORT_LIMITS.gaps),
    },
    complete: left.length === 0,
  }
}

/** Entities that watchers saw beside those of the collectors, each once. The collectors' description holds: it is what is followed. */
export function besides(watched: readonly CheckedSignals[], others: readonly ReportedEntity[]): ReportedEntity[] {
  const taken = new Set(others.map(entityKey))
  const latest = new Map(watched.flatMap((part) => part.entities).map((entity) => [entityKey(entity), entity]))
  return [...latest].flatMap(([key, entity]) => (taken.has(key) ? [] : [entity]))
}
