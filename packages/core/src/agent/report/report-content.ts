import type { Entity, Gap } from '../../connector/signals.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import type { Report, ReportedEntity } from '../../platform/protocol.ts'
import { REPORT_LIMITS } from '../../platform/protocol.ts'
import type { CheckedSignals } from '../validate/validate-signals.ts'
import { entityKey } from './entity-diff.ts'
import type { Content } from './report-splitter.ts'

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

/** What several readers said of entities, each entity once: the last that was said of it. */
export function lastOfEach(parts: readonly CheckedSignals[]): Entity[] {
  const latest = new Map(parts.flatMap((part) => part.entities).map((entity) => [entityKey(entity), entity]))
  return [...latest.values()]
}

/**
 * What a report, or its parts, say: signal by signal, without another list of them all.
 *
 * @param watched what watchers saw: of an entity that a collector describes too, the collector's description holds, since it is what is followed
 * @param changes what changed of the collectors' entities
 */
export function contentOf(
  parts: readonly CheckedSignals[],
  watched: readonly CheckedSignals[],
  changes: InterruptibleTask<ReportedEntity>,
): Pick<Content, 'entities' | 'metrics' | 'events'> {
  return { entities: withWatched(changes, watched), metrics: all(parts, 'metrics'), events: all(parts, 'events') }
}

function* withWatched(
  changes: InterruptibleTask<ReportedEntity>,
  watched: readonly CheckedSignals[],
): InterruptibleTask<ReportedEntity> {
  const beside = new Map(watched.flatMap((part) => part.entities).map((entity) => [entityKey(entity), entity]))
  for (const entity of changes) {
    if (entity !== undefined && beside.size > 0) beside.delete(entityKey(entity))
    yield entity
  }
  yield* beside.values()
}

function* all<Kind extends 'metrics' | 'events'>(
  parts: readonly CheckedSignals[],
  kind: Kind,
): Generator<CheckedSignals[Kind][number]> {
  for (const part of parts) yield* part[kind]
}
