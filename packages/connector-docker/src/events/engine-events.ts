import { type Event, openCursor, type WatchContext, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import { placeOf, shapeOf } from '../changes/container-spec.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import { signals } from '../signals.ts'
import { noteContainerEvent } from './container-events.ts'
import { openPatiently, type PatientStream } from './drainable-stream.ts'
import { type Message, messageOf } from './engine-message.ts'
import { missedEvents } from './missed-events.ts'
import { createInOrder } from './ordered-queue.ts'
import { noteOtherEvent } from './resource-events.ts'

/** How far the stream has been read: the newest event's time, all events of that time, and since when the stream is broken. */
const cursorSchema = z.object({
  timeNano: z.string().regex(/^\d{1,25}$/),
  ids: z.array(z.string()),
  brokenAt: z.string().optional(),
})

type Position = z.output<typeof cursorSchema>

/** Events of one time that are remembered: far more than an engine writes in a nanosecond. */
const REMEMBERED = 64

/** Events whose evidence is gathered at once. */
const CONCURRENCY = 4

/** How long it may take to tell an event, in milliseconds: evidence is worth most while it is new. */
const EVIDENCE = 4_000

/** How long all containers may take, in milliseconds. */
const PATIENCE = 30_000

/**
 * Tells what happens on the engine. Reads its event stream from where it was left, so that nothing is lost while the engine
 * remembers it, and compares what was told with what containers say for what it does not. Events carry ids that are the same
 * however often they are read.
 */
export const engineEvents: Watcher<DockerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    const reading = createReading(client, context, cursor)
    client.history.begin(reading.beganAt)
    try {
      await baseline(client, context.signal)
      const events = client.engine.events(reading.from(), context.signal)
      const stream = openPatiently(events)
      await catchUp(stream, reading, client, context)
      client.inventory.follow(true)
      for (let event = await stream.next(); event !== undefined; event = await stream.next()) {
        reading.tell(event)
        await reading.room()
      }
    } catch (error) {
      if (!context.signal.aborted) await reading.broke()
      throw error
    } finally {
      client.inventory.follow(false)
    }
  },
}

/** The stream as it is read. */
interface Reading {
  /** In milliseconds since 1970. */
  readonly beganAt: number
  /** Since when something may be missing: the stream broke, or the engine no longer remembers where it was left. ISO 8601. */
  gapSince(): string | undefined
  /** Where to read on, as the engine is asked. */
  from(): string
  /** Notes an event, and tells it in its turn. */
  tell(event: EngineEvent): void
  /** Tells in its turn that nobody listened for a while: that is over now. */
  tellGap(gap: Event): void
  /** Resolves when there is room for more. */
  room(): Promise<void>
  /** Tells what is left, and saves that the stream broke. */
  broke(): Promise<void>
}

function createReading(
  client: DockerClient,
  context: WatchContext,
  cursor: ReturnType<typeof openCursor<Position>>,
): Reading {
  const { brokenAt: broken, ...before } = cursor.before ?? { timeNano: `${context.now().getTime()}000000`, ids: [] }
  const beganAt = Number(BigInt(before.timeNano) / 1_000_000n)
  let position: Position = before
  let brokenAt = broken
  // The engine tells again what happened at the very moment at which it is read on, as long as it remembers that.
  let isRemembered = before.ids.length === 0
  const order = createInOrder<readonly (Event | undefined)[]>(CONCURRENCY, async (events, isLast) => {
    if (events.some((event) => event !== undefined)) context.emit({ events })
    if (isLast) await cursor.save({ ...position, brokenAt })
  })
  return {
    beganAt,
    gapSince: () => broken ?? (isRemembered ? undefined : new Date(beganAt).toISOString()),
    from: () => secondsOf(position.timeNano),
    tell: (event) => {
      const message = messageOf(event)
      isRemembered ||= before.ids.includes(message.id)
      if (position.ids.includes(message.id)) return
      position = advanced(position, message)
      const teller = tellerOf(message, client)
      order.add(async () => teller(AbortSignal.any([context.signal, AbortSignal.timeout(EVIDENCE)])))
    },
    tellGap: (gap) => {
      brokenAt = undefined
      order.add(async () => [gap])
    },
    room: () => order.room(),
    broke: async () => {
      await order.settled()
      await cursor.save({ ...position, brokenAt: brokenAt ?? context.now().toISOString() })
    },
  }
}

/** What will tell an event. Notes at once what later events are understood by. */
function tellerOf(
  message: Message,
  client: DockerClient,
): (signal: AbortSignal) => Promise<readonly (Event | undefined)[]> {
  if (message.event.type === 'container') return noteContainerEvent(message, client) ?? (async () => [])
  return noteOtherEvent(message, client) ?? (async () => [])
}

function advanced({ timeNano, ids }: Position, { event, id, action }: Message): Position {
  // Nobody knows when it happened, and this machine's clock may be ahead of the engine's.
  if (event.isConcluded === true && action === 'destroy') return { timeNano, ids }
  if (event.timeNano === timeNano) return { timeNano, ids: [...ids, id].slice(-REMEMBERED) }
  // An event that was concluded from what containers say is older than what the stream has told: it moves nothing.
  return BigInt(event.timeNano) < BigInt(timeNano) ? { timeNano, ids } : { timeNano: event.timeNano, ids: [id] }
}

/** Knows every container before the stream is read, so that changes are seen against something. */
async function baseline(client: DockerClient, signal: AbortSignal): Promise<void> {
  const { history, keyedHash } = client
  for (const container of await everyContainer(client, signal)) {
    const place = placeOf(container)
    if (history.shapeIn(place) === undefined) history.keepShape(place, shapeOf(container, keyedHash))
  }
}

/**
 * Reads what the engine remembers, then tells what else happened as far as containers still say, and that nobody listened
 * for a while. What is found was true when the stream was silent for the second time: all that it told before is known.
 */
async function catchUp(
  stream: PatientStream<EngineEvent>,
  reading: Reading,
  client: DockerClient,
  { now, signal }: WatchContext,
): Promise<void> {
  const { history, inventory } = client
  await stream.untilSilence(reading.tell)
  const known = history.ids()
  const found = await everyContainer(client, signal)
  await stream.untilSilence(reading.tell)
  const since = history.begin(reading.beganAt)
  const missed = missedEvents(history, since, { known, found, lastKnown: inventory.lastKnown, now: now() })
  for (const event of missed) reading.tell(event)
  for (const { id } of found) if (!history.isRemoved(id)) history.container(id)
  const gapSince = reading.gapSince()
  if (gapSince !== undefined) reading.tellGap(gapEvent(gapSince, client, now()))
}

/** A watcher has no deadline, and an engine that hangs answers nothing. */
function everyContainer({ inventory }: DockerClient, signal: AbortSignal): Promise<readonly ContainerDetails[]> {
  return inventory.containers(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]))
}

function gapEvent(brokenAt: string, { entity, info }: DockerClient, now: Date): Event {
  const until = now.toISOString()
  return signals.eventsMissed.event({
    id: `docker/missed/${brokenAt}`,
    at: now,
    entity,
    body: `The engine ${info.name} could not be listened to from ${brokenAt} to ${until}`,
    attributes: { 'docker.events.since': brokenAt, 'docker.events.until': until },
  })
}

/** `1732446000123456789` → `1732446000.123456789`, as the engine reads it. */
function secondsOf(timeNano: string): string {
  const digits = timeNano.padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}
