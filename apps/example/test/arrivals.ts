import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from '@rca/core/protocol'
import { eventually } from './processes.ts'

/** How often the platform is asked what is new, in milliseconds. */
const EVERY = 100

/** An event, and when the platform was first seen to have it. */
export interface Arrival {
  readonly event: Event
  /** Milliseconds since 1970, by the clock of this process. Never too early. */
  readonly at: number
}

/** Notes when events arrive. */
export interface Arrivals {
  /** All that have arrived so far, the first first. */
  all(): readonly Arrival[]
  /** The first that is meant, once it is there. @throws Error when it is not there in time */
  first(name: string, isMeant: (event: Event) => boolean, milliseconds?: number): Promise<Arrival>
  stop(): Promise<void>
}

/** Asks a platform again and again, until `stop`. @param read the newest events that it has */
export function watchArrivals(read: () => Promise<readonly Event[]>): Arrivals {
  const known = new Map<string, Arrival>()
  const stopping = new AbortController()
  const watching = (async () => {
    for (; !stopping.signal.aborted; await sleep(EVERY)) {
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
    first: (name, isMeant, milliseconds) =>
      eventually(
        name,
        () => [...known.values()].find(({ event }) => event.name === name && isMeant(event)),
        milliseconds,
      ),
    stop: () => {
      stopping.abort()
      return watching
    },
  }
}
