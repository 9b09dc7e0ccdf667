import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import type { ContainerHistory, EventHistory, Milestone } from './event-history.ts'

/** The engine sends an event at most this long after the time that the container records for it. */
const MAX_DELAY_MS = 5_000

/** The engine's clock may step a little between the two times. */
const CLOCK_TOLERANCE_MS = 20

/** Containers before and after the gap. */
export interface CurrentContainers {
  /** Ids of the containers that were known before `found` was listed. */
  readonly known: readonly string[]
  readonly found: readonly ContainerDetails[]
  readonly lastKnown: (id: string) => ContainerDetails | undefined
  readonly now: Date
  /** Difference between the times that a container and its event have. */
  readonly toleranceMs?: number
}

/**
 * Infers events that the engine no longer sends: it remembers the last 256, and none from before its own restart. The
 * missing events have the times that the containers record.
 */
export function inferMissedEvents(
  history: EventHistory,
  since: number,
  { known, found, lastKnown, now, toleranceMs = CLOCK_TOLERANCE_MS }: CurrentContainers,
): EngineEvent[] {
  const events: EngineEvent[] = []
  for (const container of found) {
    if (history.isRemoved(container.id)) continue
    const { reported } = history.ofContainer(container.id)
    const startedAt = Date.parse(container.state.startedAt ?? '')
    for (const [milestone, moment] of Object.entries(timestampsOf(container)) as [Milestone, string | undefined][]) {
      const at = Date.parse(moment ?? '')
      const newest = reported[milestone]?.at
      // Skips times before the newest reported event: a run may have begun while the containers were listed.
      if (moment === undefined || !(at > since) || (newest !== undefined && newest >= at - toleranceMs)) continue
      // A run ends once: an engine that was killed before it recorded the end records a later one when it starts.
      if (milestone === 'die' && newest !== undefined && startedAt <= newest) continue
      const more = milestone === 'die' ? exitCodeOf(container) : {}
      events.push(eventOf(milestone, container.id, container, nanosecondsOf(moment), more))
    }
  }
  const existing = new Set(found.map(({ id }) => id))
  const removed = known.filter((id) => !existing.has(id) && !history.isRemoved(id))
  events.push(...removed.map((id) => eventOf('destroy', id, lastKnown(id), `${now.getTime()}000000`)))
  return events.toSorted((one, other) => (BigInt(one.timeNano) < BigInt(other.timeNano) ? -1 : 1))
}

/** Returns whether an event was inferred before. True once: the next event of its kind is another one. */
export function wasInferred({ reported }: ContainerHistory, milestone: Milestone, at: number): boolean {
  const before = reported[milestone]
  if (before === undefined || !before.isInferred) return false
  if (at < before.at - CLOCK_TOLERANCE_MS) return false
  // An engine under load sends the end of a run later; no other run has ended before the next start.
  const isSameEnd = milestone === 'die' && !((reported.start?.at ?? 0) > before.at)
  if (at >= before.at + MAX_DELAY_MS && !isSameEnd) return false
  reported[milestone] = { at, isInferred: false }
  return true
}

function timestampsOf({ created, state }: ContainerDetails): Record<Milestone, string | undefined> {
  return { create: created, start: state.startedAt, die: state.finishedAt }
}

/** A running container no longer has the exit code of its previous run. */
function exitCodeOf({ state: { status, exitCode } }: ContainerDetails): Readonly<Record<string, string>> {
  return exitCode === undefined || status === 'running' || status === 'paused' ? {} : { exitCode: `${exitCode}` }
}

function eventOf(
  action: string,
  id: string,
  container: ContainerDetails | undefined,
  timeNano: string,
  more: Readonly<Record<string, string>> = {},
): EngineEvent {
  const { name, image } = container ?? {}
  // A label must not be read as the exit code.
  const { exitCode: _label, ...labels } = container?.labels ?? {}
  const attributes = { ...labels, ...(name && { name }), ...(image && { image }), ...more }
  return { type: 'container', action, actor: id, attributes, timeNano, isInferred: true }
}

/** Converts ISO 8601 to nanoseconds since 1970, as text. */
function nanosecondsOf(moment: string): string {
  const fraction = (/\.(\d{1,9})/.exec(moment)?.[1] ?? '').padEnd(9, '0')
  return `${Math.floor(Date.parse(moment) / 1000)}${fraction}`
}
