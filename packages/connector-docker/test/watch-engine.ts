import type { Event, Signals, WatchContext } from '@rca/core/connector'
import { afterAll, expect, vi } from 'vitest'
import type { DockerClient } from '../src/docker-client.ts'
import { engineEvents } from '../src/events/engine-events.ts'
import { parseMessage } from '../src/events/engine-message.ts'
import { events } from './contexts.ts'
import { engineEvent } from './engine-events.ts'
import type { EventLog } from './event-log.ts'

/** A watcher under way. */
export interface Watching {
  /** What it has told, in order. */
  told(): Event[]
  /** All cursors that it has saved. */
  readonly cursors: readonly string[]
  /** The cursor that was saved last, by this watcher or before it. */
  cursor(): string | undefined
  /** Resolves when all has been told that the engine has told so far. */
  caughtUp(): Promise<void>
  /** Resolves with what the watcher rejected with, `undefined` where it ended. */
  readonly ended: Promise<unknown>
  stop(): Promise<unknown>
}

export interface WatchingOptions {
  readonly cursor?: string | undefined
  readonly now?: () => Date
  /** May throw: then nothing is handed on. */
  readonly emit?: WatchContext['emit'] | undefined
}

/** Image whose pull is told when all before it has been told. */
const MARK = 'mark-of-the-test'

/** For what a watcher does at once, in milliseconds. */
const PATIENCE = 10_000

/** Tests may run side by side: what they leave is stopped when all are over. */
const left = new Set<() => Promise<unknown>>()
afterAll(async () => void (await Promise.all([...left].map((stop) => stop()))))

/** Watches an engine until the tests are over. */
export function startWatching(client: DockerClient, log: EventLog, options: WatchingOptions = {}): Watching {
  const { now = () => new Date('2026-11-25T00:00:00.000Z') } = options
  const controller = new AbortController()
  const emitted: Signals[] = []
  const cursors: string[] = []
  let isFollowed = false
  const { inventory } = client
  const setFollowed = (followed: boolean): void => {
    isFollowed = followed
    inventory.setFollowed(followed)
  }
  const watch = engineEvents.watch(
    { ...client, inventory: { ...inventory, setFollowed } },
    {
      signal: controller.signal,
      now,
      cursor: options.cursor,
      emit: (signals) => {
        options.emit?.(signals)
        emitted.push(signals)
      },
      saveCursor: async (cursor) => void cursors.push(cursor),
      sleep: async () => {
        throw new Error('nothing is waited for')
      },
    },
  )
  const ended = watch.then(
    () => undefined,
    (error: unknown) => error,
  )
  const stop = (): Promise<unknown> => {
    controller.abort()
    return ended
  }
  left.add(stop)
  const isMark = ({ body }: Event): boolean => body.includes(MARK)
  return {
    told: () => events(emitted).filter((event) => !isMark(event)),
    cursors,
    cursor: () => cursors.at(-1) ?? options.cursor,
    caughtUp: async () => {
      await vi.waitFor(() => expect(isFollowed).toBe(true), PATIENCE)
      const mark = engineEvent({ type: 'image', action: 'pull', actor: MARK, nanoseconds: log.newest() + 1n })
      log.tell(mark)
      await vi.waitFor(() => expect(events(emitted).map(({ id }) => id)).toContain(parseMessage(mark).id), PATIENCE)
    },
    ended,
    stop,
  }
}
