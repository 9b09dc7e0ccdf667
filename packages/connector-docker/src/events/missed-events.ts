import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import type { ContainerHistory, History, Milestone } from './event-history.ts'

/** An event that was concluded is told, if at all, at most so long after the time that the container keeps of it, in milliseconds. */
const LATEST = 5_000

/** The engine's clock may step a little between the two. */
const EARLIEST = 20

/** What is compared. */
export interface Comparison {
  /** Containers that were known before `found` was asked for, by id. */
  readonly known: readonly string[]
  readonly found: readonly ContainerDetails[]
  /** What is said of a container that is gone. */
  readonly lastKnown: (id: string) => ContainerDetails | undefined
  readonly now: Date
}

/**
 * What the engine still knows of events that it no longer tells: it remembers the last 256, and none across its own
 * restart. Compares what has been told with what is, and writes what must have happened as the events that would have been
 * told, with the times that the containers themselves carry.
 */
export function missedEvents(
  history: History,
  since: number,
  { known, found, lastKnown, now }: Comparison,
): EngineEvent[] {
  const events: EngineEvent[] = []
  for (const container of found) {
    if (history.isRemoved(container.id)) continue
    const { told } = history.container(container.id)
    for (const [milestone, moment] of Object.entries(momentsOf(container)) as [Milestone, string | undefined][]) {
      const at = Date.parse(moment ?? '')
      const newest = told[milestone]?.at
      // What is older than the newest that was told is no news: a run may have begun while containers were asked.
      if (moment === undefined || !(at > since) || (newest !== undefined && newest >= at - EARLIEST)) continue
      const more = milestone === 'die' ? exitCodeOf(container) : {}
      events.push(eventOf(milestone, container.id, container, nanosecondsOf(moment), more))
    }
  }
  const there = new Set(found.map(({ id }) => id))
  const gone = known.filter((id) => !there.has(id) && !history.isRemoved(id))
  events.push(...gone.map((id) => eventOf('destroy', id, lastKnown(id), `${now.getTime()}000000`)))
  return events.toSorted((one, other) => (BigInt(one.timeNano) < BigInt(other.timeNano) ? -1 : 1))
}

/** Whether an event that the stream tells has been concluded before. Once: the next of its kind is another one. */
export function wasConcluded({ told }: ContainerHistory, milestone: Milestone, at: number): boolean {
  const before = told[milestone]
  if (before === undefined || !before.isConcluded) return false
  if (at < before.at - EARLIEST || at >= before.at + LATEST) return false
  told[milestone] = { at, isConcluded: false }
  return true
}

function momentsOf({ created, state }: ContainerDetails): Record<Milestone, string | undefined> {
  return { create: created, start: state.startedAt, die: state.finishedAt }
}

/** Of a container that runs again nobody knows any more how its run before ended. */
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
  const attributes = { ...container?.labels, ...(name && { name }), ...(image && { image }), ...more }
  return { type: 'container', action, actor: id, attributes, timeNano, isConcluded: true }
}

/** ISO 8601 → nanoseconds since 1970, as text. */
function nanosecondsOf(moment: string): string {
  const fraction = (/\.(\d{1,9})/.exec(moment)?.[1] ?? '').padEnd(9, '0')
  return `${Math.floor(Date.parse(moment) / 1000)}${fraction}`
}
