import { type Event, event, openCursor, type WatchContext, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import { EngineError } from '../engine/engine-error.ts'
import { timeoutSignal } from '../timeout-signal.ts'
import { recordSpecs } from './container-change.ts'
import { handleContainerEvent } from './container-events.ts'
import { openDrainable } from './drainable-stream.ts'
import { type EngineMessage, parseMessage } from './engine-message.ts'
import { inferMissedEvents } from './missed-events.ts'
import { createOrderedQueue } from './ordered-queue.ts'
import { handleResourceEvent, recordVolumes } from './resource-events.ts'
import { CHECK_INTERVAL, createStreamCheck } from './stream-check.ts'

export const streamSignals = {
  eventCut: event({
    name: 'docker.engine.event_cut',
    severity: 'info',
    description: 'An event of the engine exceeded 1 MiB. Its attributes were not read.',
    attributes: { 'docker.action': 'Type and action of the event, such as `container/create`.' },
  }),
  eventsMissed: event({
    name: 'docker.engine.events_missed',
    severity: 'warning',
    description:
      'The event stream was interrupted, or lost events. Events that neither the engine nor the containers remember are missing.',
    attributes: {
      'docker.events.since': 'Start of the interruption. ISO 8601.',
      'docker.events.until': 'End of the interruption. ISO 8601.',
    },
  }),
}

/** Newest event's time, the ids of all events of that time, and the start of an interruption. */
const cursorSchema = z.object({
  timeNano: z.string().regex(/^\d{1,25}$/),
  ids: z.array(z.string()),
  brokenAt: z.string().optional(),
  /** Whether events are known to be missing, rather than only the connection to be broken. */
  isLost: z.boolean().optional(),
})

type Position = z.output<typeof cursorSchema>

/** Ids kept for one time: far more than the events of an engine in one nanosecond. */
const MAX_POSITION_IDS = 64

/** Events whose evidence is read concurrently. */
const CONCURRENCY = 4

/** Time to read the evidence of one event. */
const EVIDENCE_TIMEOUT_MS = 4_000

const LIST_TIMEOUT_MS = 30_000

/** A proxy that closes idle connections waits at least this long. */
const MIN_IDLE_MS = 5_000

/**
 * Follows the event stream from the saved position. Infers events that the engine no longer remembers from the state of
 * the containers. Event ids are stable, however often an event is read. Compares the containers with the events, and
 * rejects when the stream is open and delivers none, or lost some.
 */
export const engineEvents: Watcher<DockerClient> = {
  async watch(client, context) {
    let { cursor } = context
    const saveCursor = (saved: string): Promise<void> => {
      cursor = saved
      return context.saveCursor(saved)
    }
    for (;;) {
      const openedAt = context.now().getTime()
      try {
        await followStream(client, { ...context, ...(cursor !== undefined && { cursor }), saveCursor })
        return
      } catch (error) {
        if (!isClosed(error) || context.now().getTime() - openedAt < MIN_IDLE_MS) throw error
        client.log.debug({ error: String(error) }, 'event stream closed, reopening')
      }
    }
  },
}

/** Returns whether the connection was closed, as some proxies do with idle ones. */
function isClosed(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
  return code === 'ECONNRESET'
}

async function followStream(client: DockerClient, context: WatchContext): Promise<void> {
  const reader = createStreamReader(client, context)
  const since = client.history.start(reader.beganAt)
  const ending = new AbortController()
  try {
    const containers = await listContainers(client, context.signal)
    // Before the stream is read. An engine that hangs here does not keep it from being read.
    await recordSpecs(containers, client, timeoutSignal(LIST_TIMEOUT_MS, context.signal))
    recordStartErrors(containers, client, since)
    await recordVolumes(client, timeoutSignal(LIST_TIMEOUT_MS, context.signal))
    const signal = AbortSignal.any([context.signal, ending.signal])
    const stream = openDrainable(client.engine.events(reader.since(), signal))
    await catchUp(stream, reader, client, context)
    client.inventory.setFollowed(true)
    const following = reader.follow(stream)
    const checking = checkStream(client, reader, context, since, signal)
    checking.catch(() => ending.abort())
    // Once the stream has ended, no event is handled while the position is saved.
    await following
    ending.abort()
    await checking
  } catch (error) {
    if (!context.signal.aborted) await reader.saveInterruption()
    throw error
  } finally {
    ending.abort()
    client.inventory.setFollowed(false)
  }
}

/** Errors of starts before `since` are not reported: nobody knows when they happened. */
function recordStartErrors(containers: readonly ContainerDetails[], { history }: DockerClient, since: number): void {
  const known = new Set(history.ids())
  for (const { id, created, state } of containers)
    if (!known.has(id) && !history.isRemoved(id) && Date.parse(created) < since)
      history.ofContainer(id).startError = state.error
}

/** Compares the containers with the events until the stream ends. @throws EngineError when events are missing */
async function checkStream(
  client: DockerClient,
  reader: ReturnType<typeof createStreamReader>,
  { now, sleep }: WatchContext,
  since: number,
  signal: AbortSignal,
): Promise<void> {
  const check = createStreamCheck(client, since)
  for (;;) {
    const startedAt = now()
    await Promise.race([sleep(CHECK_INTERVAL).catch(() => undefined), aborted(signal)])
    if (signal.aborted) return
    const wasIdle = reader.isIdle()
    const { overdue, isComplete, startFailures } = await check(now(), signal)
    reader.emit(startFailures)
    // A busy reader has not handled what the engine has sent.
    if (signal.aborted || !wasIdle || !reader.isIdle()) continue
    if (isComplete) reader.markComplete(startedAt)
    if (overdue.length > 0) {
      reader.markLost()
      throw new EngineError(
        `The event stream of the engine ${client.info.name} is open, but lacks ${overdue.length} events, such as ${overdue[0]?.action} of ${overdue[0]?.attributes.name ?? overdue[0]?.actor}: a proxy does not forward them, or the engine dropped them while the agent could not read. Reopening it`,
      )
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Handles events in order and saves the position. */
function createStreamReader(client: DockerClient, context: WatchContext) {
  const cursor = openCursor(cursorSchema, context)
  const { brokenAt: broken, isLost: wasLost = false, ...before } = cursor.before ?? { timeNano: `${context.now().getTime()}000000`, ids: [] }
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
    if (events.some((event) => event !== undefined)) context.emit({ events })
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

/**
 * Handles remembered events, infers missed ones from the containers, then reports the interruption. Drains the stream
 * again after listing the containers, so that every event up to the list is handled before the inference.
 */
async function catchUp(
  stream: ReturnType<typeof openDrainable<EngineEvent>>,
  reader: ReturnType<typeof createStreamReader>,
  client: DockerClient,
  { now, signal }: WatchContext,
): Promise<void> {
  const { history, inventory } = client
  await stream.drain(reader.handle)
  const known = history.ids()
  const found = await listContainers(client, signal)
  await stream.drain(reader.handle)
  const since = history.start(reader.beganAt)
  const missed = inferMissedEvents(history, since, { known, found, lastKnown: inventory.lastKnown, now: now() })
  for (const engineEvent of missed) reader.handle(engineEvent)
  for (const { id } of found) if (!history.isRemoved(id)) history.ofContainer(id)
  const interruptedAt = reader.interruptedAt()
  reader.endInterruption(interruptedAt === undefined ? undefined : missedEvent(interruptedAt, client, now()))
}

/** Limits the time: a watcher has no timeout of its own, and the engine may hang. */
function listContainers({ inventory }: DockerClient, signal: AbortSignal): Promise<readonly ContainerDetails[]> {
  return inventory.containers(timeoutSignal(LIST_TIMEOUT_MS, signal))
}

function cutEvent({ id, at, action, raw }: EngineMessage, { entity }: DockerClient): Event {
  return streamSignals.eventCut.event({
    id: `${id}/cut`,
    at,
    entity,
    body: `The event ${raw.type}/${action} of ${raw.actor} exceeds 1 MiB, with very long labels: its attributes were not read`,
    attributes: { 'docker.action': `${raw.type}/${action}` },
  })
}

function missedEvent(brokenAt: string, { entity, info }: DockerClient, now: Date): Event {
  const until = now.toISOString()
  return streamSignals.eventsMissed.event({
    id: `docker/missed/${brokenAt}`,
    at: now,
    entity,
    body: `Events of the engine ${info.name} from ${brokenAt} to ${until} may be missing: the stream was interrupted, or lost some`,
    attributes: { 'docker.events.since': brokenAt, 'docker.events.until': until },
  })
}

/** Converts `1732446000123456789` to `1732446000.123456789`, the engine's format. */
function secondsOf(timeNano: string): string {
  const digits = timeNano.padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}
