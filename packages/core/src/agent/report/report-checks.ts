import type { EntityReference, Event, Gap } from '../../connector/signals.ts'
import type { ValidatedSignals } from '../validate/validate-signals.ts'

/** Time by which an event may be ahead of this machine's clock. The platform dates a later one by its report. */
const MAX_AHEAD_MS = 10 * 60_000

/** Time in which new entities are counted. */
const CHURN_WINDOW_MS = 10 * 60_000

/** New entities in that time that are normal in any environment. */
const MIN_CHURN = 1_000

/** How often all entities of a collector may be replaced in that time. */
const MAX_REPLACEMENTS = 5

/** Returns gaps for events that the platform would not store as they are meant. */
export function eventGaps(sources: readonly ValidatedSignals[], at: Date): Gap[] {
  const byId = new Map<string, Event>()
  const gaps = new Map<string, Gap>()
  const add = (name: string, reason: string): void => {
    const scope = `event:${name}`
    if (!gaps.has(scope)) gaps.set(scope, { scope, reason, since: at.toISOString() })
  }
  for (const event of sources.flatMap(({ events }) => events)) {
    const ahead = Date.parse(event.at) - (event.clock_offset_ms ?? 0) - at.getTime()
    if (ahead > MAX_AHEAD_MS)
      add(event.name, `an event has the time ${event.at}, which is in the future: the platform dates it by its report`)
    if (event.id === undefined) continue
    const other = byId.get(event.id)
    if (other !== undefined && (other.name !== event.name || other.at !== event.at || other.body !== event.body))
      add(event.name, `different events have the id \`${event.id}\`: the platform stores only one`)
    byId.set(event.id, event)
  }
  return [...gaps.values()]
}

/** Returns the gap for an agent whose own entity no collector describes. */
export function identityGap({ type, id }: EntityReference, since: string): Gap {
  const reason = 'the connector identifies what it watches by this entity, which no collector describes'
  return { scope: `entity:${type}/${id}`, reason, since }
}

/** Counts the new entities of each collector, to find ids that change all the time. */
export function createChurn(now: () => number = () => performance.now()) {
  const counts = new Map<string, { readonly at: number; readonly created: number }[]>()
  const sizes = new Map<string, number>()
  const sinceOf = new Map<string, string>()

  return {
    /** @param created new entities among the `size` of a collector's list, which is not its first. */
    add: (collector: string, created: number, size: number): void => {
      sizes.set(collector, size)
      if (created > 0) counts.set(collector, [...(counts.get(collector) ?? []), { at: now(), created }])
    },
    gaps: (at: Date): Gap[] => {
      const gaps: Gap[] = []
      for (const [collector, all] of counts) {
        const recent = all.filter((one) => now() - one.at < CHURN_WINDOW_MS)
        counts.set(collector, recent)
        const created = recent.reduce((sum, one) => sum + one.created, 0)
        const size = sizes.get(collector) ?? 0
        if (created < MIN_CHURN || created <= MAX_REPLACEMENTS * size) {
          sinceOf.delete(collector)
          continue
        }
        const since = sinceOf.get(collector) ?? at.toISOString()
        sinceOf.set(collector, since)
        const reason = `it described ${created} new entities in 10 minutes, and ${size} exist: give entities ids that stay the same`
        gaps.push({ scope: `churn:${collector}`, reason, since })
      }
      return gaps
    },
  }
}
