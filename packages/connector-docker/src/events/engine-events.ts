import type { WatchContext, Watcher } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, EngineEvent } from '../engine/engine-api.ts'
import { EngineError } from '../engine/engine-error.ts'
import { timeoutSignal } from '../timeout-signal.ts'
import { recordSpecs } from './container-change.ts'
import { openDrainable } from './drainable-stream.ts'
import { inferMissedEvents } from './missed-events.ts'
import { recordVolumes } from './resource-events.ts'
import { CHECK_INTERVAL, createStreamCheck } from './stream-check.ts'
import { createStreamReader, type StreamReader } from './stream-reader.ts'
import { missedEvent } from './stream-signals.ts'

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
    const { now, emit } = inEngineTime(client, context)
    const saveCursor = (saved: string): Promise<void> => {
      cursor = saved
      return context.saveCursor(saved)
    }
    for (;;) {
      const openedAt = context.now().getTime()
      try {
        await followStream(client, { ...context, now, emit, ...(cursor !== undefined && { cursor }), saveCursor })
        return
      } catch (error) {
        if (!isClosed(error) || context.now().getTime() - openedAt < MIN_IDLE_MS) throw error
        client.log.debug({ error: String(error) }, 'event stream closed, reopening')
      }
    }
  },
}

/** Returns the engine's time, and marks events with the offset of its clock: they have the engine's times. */
function inEngineTime({ clock }: DockerClient, context: WatchContext): Pick<WatchContext, 'now' | 'emit'> {
  return {
    now: () => clock.toEngineTime(context.now()),
    emit: (signals) => {
      const offset = clock.offsetMs()
      if (offset === 0) context.emit(signals)
      else
        context.emit({ events: signals.events?.map((event) => event && { ...event, clock_offset_ms: offset }) ?? [] })
    },
  }
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
    for (const { id, autoRemove, state } of containers)
      if (autoRemove && state.status === 'running') client.keptLogs.follow(id)
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

/** Errors of starts before `since` are not reported: their times are unknown. */
function recordStartErrors(containers: readonly ContainerDetails[], { history }: DockerClient, since: number): void {
  const known = new Set(history.ids())
  for (const { id, created, state } of containers)
    if (!known.has(id) && !history.isRemoved(id) && Date.parse(created) < since)
      history.ofContainer(id).startError = state.error
}

/** Compares the containers with the events until the stream ends. @throws EngineError when events are missing */
async function checkStream(
  client: DockerClient,
  reader: StreamReader,
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

/**
 * Handles remembered events, infers missed ones from the containers, then reports the interruption. Drains the stream
 * again after listing the containers, so that every event up to the list is handled before the inference.
 */
async function catchUp(
  stream: ReturnType<typeof openDrainable<EngineEvent>>,
  reader: StreamReader,
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
