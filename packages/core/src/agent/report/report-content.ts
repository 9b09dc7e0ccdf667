import type { Entity, Gap } from '../../connector/signals.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import { REPORT_LIMITS, type Report, type ReportedEntity } from '../../platform/protocol.ts'
import type { ValidatedSignals } from '../validate/validate-signals.ts'
import { entityKey } from './entity-diff.ts'
import type { Content } from './report-splitter.ts'

/** Builds a report's data within the protocol's limits, with a gap for what they leave out. */
export function reportData(
  sources: readonly ValidatedSignals[],
  entities: readonly ReportedEntity[],
  gaps: readonly Gap[],
  at: string,
): { readonly data: Report['data']; readonly complete: boolean } {
  const full = {
    entities,
    metrics: sources.flatMap((source) => source.metrics),
    events: sources.flatMap((source) => source.events),
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

/** Returns each entity once, as its last source describes it. */
export function latestEntities(sources: readonly ValidatedSignals[]): Entity[] {
  const latest = new Map(sources.flatMap((source) => source.entities).map((entity) => [entityKey(entity), entity]))
  return [...latest.values()]
}

/**
 * Returns a report's content lazily. Of an entity that a collector describes as well, `watched` is ignored: only
 * collectors' entities are tracked.
 */
export function contentOf(
  sources: readonly ValidatedSignals[],
  watched: readonly ValidatedSignals[],
  changes: InterruptibleTask<ReportedEntity>,
): Pick<Content, 'entities' | 'metrics' | 'events'> {
  return { entities: withWatched(changes, watched), metrics: all(sources, 'metrics'), events: all(sources, 'events') }
}

function* withWatched(
  changes: InterruptibleTask<ReportedEntity>,
  watched: readonly ValidatedSignals[],
): InterruptibleTask<ReportedEntity> {
  const remaining = new Map(watched.flatMap((source) => source.entities).map((entity) => [entityKey(entity), entity]))
  for (const entity of changes) {
    if (entity !== undefined && remaining.size > 0) remaining.delete(entityKey(entity))
    yield entity
  }
  yield* remaining.values()
}

function* all<Name extends 'metrics' | 'events'>(
  sources: readonly ValidatedSignals[],
  name: Name,
): Generator<ValidatedSignals[Name][number]> {
  for (const source of sources) yield* source[name]
}
