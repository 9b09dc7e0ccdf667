import { type Event, openCursor, type WatchContext } from '@rca/core/connector'
import { z } from 'zod'
import type { DockerClient } from '../docker-client.ts'
import type { EngineEvent } from '../engine/engine-api.ts'
import { timeoutSignal } from '../timeout-signal.ts'
import { handleContainerEvent } from './container-events.ts'
import type { openDrainable } from './drainable-stream.ts'
import { type EngineMessage, parseMessage } from './engine-message.ts'
import { createOrderedQueue } from './ordered-queue.ts'
import { handleResourceEvent } from './resource-events.ts'
import { cutEvent } from './stream-signals.ts'

/** Newest event's time, the ids of all events of that time, and the start of an interruption. */
const cursorSchema = z.object({
  timeNano: z.string().regex(/^\d{1,25}$/),
  ids: z.array(z.string()),
  brokenAt: z.string().optional(),
  /** True if events are known to be missing, rather than only the connection to be broken. */
  isLost: z.boolean().optional(),
})

type Position = z.output<typeof cursorSchema>

/** Ids kept for one time: far more than the events of an engine in one nanosecond. */
const MAX_POSITION_IDS = 64

/** Events whose evidence is read concurrently. */
const CONCURRENCY = 4

/** Time to read the evidence of one event. */
const EVIDENCE_TIMEOUT_MS = 4_000

export type StreamReader = ReturnType<typeof createStreamReader>

/** Handles events in order and saves the position. */
export function createStreamReader(client: DockerClient, context: WatchContext) {
  const cursor = openCursor(cursorSchema, context)
  const {
    brokenAt: broken,
    isLost: wasLost = false,
    ...before
  } = cursor.before ?? { timeNano: `${context.now().getTime()}000000`, ids: [] }
  const beganAt = Number(BigInt(before.timeNano) / 1_000_000n)
  let position: Position = before
  let brokenAt = broken
  let isLost = wasLost
  let completeAt = context.now()
  let isIdle = false
  let hasInferred = false
  // The engine repeats the events at the position itself, as long as it remembers them.
  let isRemembered = before.ids.length === 0
  const queue = createOrderedQueue<readonly (Event | undefined)[]>(CONCURRENCY, async (events, isLast) => {
    const { mark } = client.history.changeSteps
    const found = events.flatMap((event) => (event === undefined ? [] : [mark(event)]))
    if (found.length > 0) context.emit({ events: found })
    if (isLast) await cursor.save({ ...position, brokenAt, isLost: isLost || undefined })
  })
  const handle = (engineEvent: EngineEvent): void => {
    const message = parseMessage(engineEvent)
    isRemembered ||= before.ids.includes(message.id)
    if (position.ids.includes(message.id)) return
    hasInferred ||= engineEvent.isInferred === true
    position = advanced(position, message)
    const describe = describerOf(message, client)
    if (engineEvent.isCut === true) queue.add(async () => [cutEvent(message, client)])
    queue.add(async () => describe(timeoutSignal(EVIDENCE_TIMEOUT_MS, context.signal)))
  }
  return {
    /** Saved position, in milliseconds since 1970. */
    beganAt,
    /**
     * Time since which events may be missing: the position is forgotten, some are lost, or the stream broke before its
     * first event and the containers changed. ISO 8601. A stream that goes on where it broke misses nothing.
     */
    interruptedAt: () => {
      const isMissing = isLost || !isRemembered || (before.ids.length === 0 && broken !== undefined && hasInferred)
      return isMissing ? (broken ?? new Date(beganAt).toISOString()) : undefined
    },
    /** Position from which to read, in the engine's format. */
    since: () => secondsOf(position.timeNano),
    /** Updates the state at once, and emits the events in order. */
    handle,
    /** Handles events until the stream ends. */
    follow: async (stream: ReturnType<typeof openDrainable<EngineEvent>>): Promise<void> => {
      for (;;) {
        isIdle = true
        const engineEvent = await stream.next()
        isIdle = false
        if (engineEvent === undefined) return
        handle(engineEvent)
        await queue.ready()
      }
    },
    /** Returns whether every received event has been handled. */
    isIdle: () => isIdle,
    /** Emits further events in order. */
    emit: (events: readonly Event[]): void => {
      if (events.length > 0) queue.add(async () => events)
    },
    /** Sets the time until which no event is missing. */
    markComplete: (at: Date): void => {
      completeAt = at
    },
    /** Marks that events are missing since the stream was complete. */
    markLost: (): void => {
      isLost = true
      brokenAt ??= completeAt.toISOString()
    },
    /** Emits the end of an interruption in order. */
    endInterruption: (missed: Event | undefined): void => {
      brokenAt = undefined
      isLost = false
      queue.add(async () => [missed])
    },
    /** Emits the remaining events, and saves the start of an interruption. */
    saveInterruption: async (): Promise<void> => {
      await queue.drained()
      await cursor.save({
        ...position,
        brokenAt: brokenAt ?? context.now().toISOString(),
        isLost: isLost || undefined,
      })
    },
  }
}

/** Updates the state at once. Returns a function that builds the events. */
function describerOf(
  message: EngineMessage,
  client: DockerClient,
): (signal: AbortSignal) => Promise<readonly (Event | undefined)[]> {
  if (message.raw.type === 'container') return handleContainerEvent(message, client) ?? (async () => [])
  return handleResourceEvent(message, client) ?? (async () => [])
}

function advanced({ timeNano, ids }: Position, { raw, id, action }: EngineMessage): Position {
  // The time of an inferred removal is unknown, and this machine's clock may be ahead of the engine's.
  if (raw.isInferred === true && action === 'destroy') return { timeNano, ids }
  if (raw.timeNano === timeNano) return { timeNano, ids: [...ids, id].slice(-MAX_POSITION_IDS) }
  // An inferred event is older than the events of the stream: it does not move the position.
  return BigInt(raw.timeNano) < BigInt(timeNano) ? { timeNano, ids } : { timeNano: raw.timeNano, ids: [id] }
}

/** Converts `1732446000123456789` to `1732446000.123456789`, the engine's format. */
function secondsOf(timeNano: string): string {
  const digits = timeNano.padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}
