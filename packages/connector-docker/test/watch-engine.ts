import { watchContext } from '@rca/connector-testkit'
import type { Event, WatchContext } from '@rca/core/connector'
import { afterAll, expect, vi } from 'vitest'
import type { DockerClient } from '../src/docker-client.ts'
import { engineEvents } from '../src/events/engine-events.ts'
import { parseMessage } from '../src/events/engine-message.ts'
import { engineEvent } from './engine-events.ts'
import type { EventLog } from './event-log.ts'

/** A running watcher. */
export interface Watching {
  /** Returns the emitted events, in order. */
  events(): Event[]
  /** Saved cursors, in order. */
  readonly cursors: readonly string[]
  /** Returns the last cursor, saved by this watcher or an earlier one. */
  cursor(): string | undefined
  /** Lets the watcher compare the containers with the events, and resolves when it has. */
  check(): Promise<void>
  /** Resolves when the watcher has handled every event that the engine has sent. */
  caughtUp(): Promise<void>
  /** Resolves with the watcher's error; `undefined` after an abort. */
  readonly ended: Promise<unknown>
  stop(): Promise<unknown>
}

export interface WatchingOptions {
  readonly cursor?: string | undefined
  readonly now?: () => Date
  /** May throw: nothing is recorded then. */
  readonly onEmit?: WatchContext['emit'] | undefined
}

/** Name of an image whose pull marks the end of the events sent so far. */
const MARKER = 'marker-of-the-test'

const CATCH_UP_TIMEOUT_MS = 10_000

/** Watchers of tests that run concurrently, stopped after all tests. */
const running = new Set<() => Promise<unknown>>()
afterAll(async () => void (await Promise.all([...running].map((stop) => stop()))))

/** Watches an engine until the end of the tests. */
export function startWatching(
  client: DockerClient,
  log: EventLog,
  { cursor, now = () => new Date('2026-11-25T00:00:00.000Z'), onEmit }: WatchingOptions = {},
): Watching {
  let isFollowed = false
  const { inventory } = client
  const setFollowed = (followed: boolean): void => {
    isFollowed = followed
    inventory.setFollowed(followed)
  }
  const context = watchContext({ now, cursor, ...(onEmit && { onEmit }) })
  // The watcher sleeps only between two checks.
  let wake: (() => void) | undefined
  const sleep = (): Promise<void> =>
    new Promise((resolve, reject) => {
      wake = resolve
      context.signal.addEventListener('abort', () => reject(context.signal.reason), { once: true })
    })
  const watch = engineEvents.watch({ ...client, inventory: { ...inventory, setFollowed } }, { ...context, sleep })
  const ended = watch.then(
    () => undefined,
    (error: unknown) => error,
  )
  const stop = (): Promise<unknown> => {
    context.abort()
    return ended
  }
  running.add(stop)
  return {
    events: () => context.events().filter(({ body }) => !body.includes(MARKER)),
    cursors: context.cursors,
    cursor: () => context.cursors.at(-1) ?? cursor,
    check: async () => {
      await vi.waitFor(() => expect(wake).toBeDefined(), CATCH_UP_TIMEOUT_MS)
      const start = wake
      wake = undefined
      start?.()
      const failed = ended.then(() => 'ended')
      await Promise.race([vi.waitFor(() => expect(wake).toBeDefined(), CATCH_UP_TIMEOUT_MS), failed])
    },
    caughtUp: async () => {
      await vi.waitFor(() => expect(isFollowed).toBe(true), CATCH_UP_TIMEOUT_MS)
      const marker = engineEvent({ type: 'image', action: 'pull', actor: MARKER, nanoseconds: log.newest() + 1n })
      log.send(marker)
      const { id } = parseMessage(marker)
      await vi.waitFor(() => expect(context.events().map((event) => event.id)).toContain(id), CATCH_UP_TIMEOUT_MS)
    },
    ended,
    stop,
  }
}
