import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from '@rca/core/protocol'
import { eventually } from './processes.ts'

const POLL_INTERVAL_MS = 100

/** An event, and the time at which the platform was first seen to have it. */
export interface Arrival {
  readonly event: Event
  /** Milliseconds since 1970, by the clock of this process. Never too early. */
  readonly at: number
}

/** Records when events arrive at the platform. */
export interface Arrivals {
  /** Arrivals so far, the oldest first. */
  all(): readonly Arrival[]
  /** Waits for the first event that matches. @throws {Error} when it does not arrive in time */
  first(name: string, matches: (event: Event) => boolean, milliseconds?: number): Promise<Arrival>
  stop(): Promise<void>
}

/** Polls a platform until `stop`. @param read returns the platform's newest events */
export function watchArrivals(read: () => Promise<readonly Event[]>): Arrivals {
  const known = new Map<string, Arrival>()
  const stopping = new AbortController()
  const watching = (async () => {
    for (; !stopping.signal.aborted; await sleep(POLL_INTERVAL_MS)) {
      const events = await read().catch(() => [])
      const at = Date.now()
      for (const event of events) {
        const key = event.id ?? JSON.stringify(event)
        if (!known.has(key)) known.set(key, { event, at })
      }
    }
  })()
  return {
    all: () => [...known.values()],
    first: (name, matches, milliseconds) =>
      eventually(
        name,
        () => [...known.values()].find(({ event }) => event.name === name && matches(event)),
        milliseconds,
      ),
    stop: () => {
      stopping.abort()
      return watching
    },
  }
}
