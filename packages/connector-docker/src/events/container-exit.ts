import { type Event, exitSignal, withoutSecrets } from '@rca/core/connector'
import { imageAttributes } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { type LogTail, readLogTail } from '../evidence/crash-log.ts'
import { logWindow, type RunTimes } from '../evidence/log-window.ts'
import { signals } from '../signals.ts'
import { type Message, occurrence } from './engine-message.ts'
import { type EndCount, endTelling } from './restart-loop.ts'

/** Exit code of a process that SIGKILL ended, which is what the kernel sends where memory is short. */
const KILLED = 137

/** A signal that a program has survived for so long did not end it, in milliseconds. Few are given more time to stop. */
const REQUESTED = 120_000

/** What was known of a run when its end was heard of. */
export interface RunBefore {
  /** When somebody last sent it a signal that ends it. In milliseconds since 1970. */
  readonly killedAt: number | undefined
  readonly outOfMemory: boolean
  /** As the event stream told. In milliseconds since 1970. */
  readonly startedAt: number | undefined
  /** When the run before it ended, as the event stream told. In milliseconds since 1970. */
  readonly endedBefore: number | undefined
  /** Ends that it is one of, where it may be part of a loop. */
  readonly ends: EndCount | undefined
}

/** Whether somebody asked for an end at this moment. */
export function isRequested({ killedAt }: Pick<RunBefore, 'killedAt'>, at: Date): boolean {
  return killedAt !== undefined && at.getTime() - killedAt <= REQUESTED
}

/** A run that has ended. */
interface End {
  /** `undefined` where nobody listened and it runs again. */
  readonly exitCode: number | undefined
  readonly isRequested: boolean
  readonly isOutOfMemory: boolean
  /** As it is now; `undefined` where it is gone. */
  readonly found: ContainerDetails | undefined
  /** As it is, or was before. */
  readonly container: ContainerDetails | undefined
  readonly startedAt: string | undefined
  readonly times: RunTimes
}

/** The end of a run: nothing but that where it was asked for, all evidence where it crashed, a count where it does so again and again. */
export async function describeEnd(
  message: Message,
  client: DockerClient,
  signal: AbortSignal,
  run: RunBefore,
): Promise<Event | undefined> {
  const end = await endOf(message, client, run, signal)
  const inFull = isCrash(end) ? crashed : exited
  const telling = run.ends === undefined ? 'in full' : endTelling(run.ends)
  if (telling === 'not at all') return undefined
  if (run.ends === undefined || telling === 'in full') return inFull(message, client, end, signal)
  const { count, since } = run.ends
  const loop = {
    'container.restart_loop.count': count,
    'container.restart_loop.since': new Date(since).toISOString(),
  }
  const what = `${inFull === crashed ? 'crashes' : 'ends'} again and again: ${count} times since ${loop['container.restart_loop.since']}`
  return signals.containerRestartLoop.event(occurrence(message, client, what, { ...runOf(message, end), ...loop }))
}

/** A process in it that ran out of memory is no reason to call an end by request a crash, unless it is what ended the run. */
function isCrash({ exitCode, isRequested, isOutOfMemory }: End): boolean {
  if (isRequested) return isOutOfMemory && exitCode === KILLED
  return isOutOfMemory || (exitCode !== undefined && exitCode !== 0)
}

async function endOf(
  { event, at }: Message,
  { inventory }: DockerClient,
  run: RunBefore,
  signal: AbortSignal,
): Promise<End> {
  const before = inventory.lastKnown(event.actor)
  const found = await inventory.inspect(event.actor, signal).catch(() => undefined)
  const container = found ?? before
  const started = timeOf(container?.state.startedAt)
  // A container that was restarted meanwhile tells of its new run.
  const isNextRun = started !== undefined && started > at.getTime()
  const startedAt = isNextRun ? run.startedAt : started
  const exitCode = event.attributes.exitCode ?? (isNextRun ? undefined : container?.state.exitCode)
  return {
    exitCode: exitCode === undefined ? undefined : Number(exitCode),
    isRequested: isRequested(run, at),
    isOutOfMemory: run.outOfMemory || (!isNextRun && found?.state.outOfMemory === true),
    found,
    container,
    startedAt: isNextRun ? momentOf(run.startedAt) : container?.state.startedAt,
    times: {
      startedAt,
      endedAt: at.getTime(),
      endedBefore: run.endedBefore ?? endBefore(before, at.getTime()),
      isFollowed: isNextRun || ['restarting', 'running'].includes(found?.state.status ?? ''),
    },
  }
}

/** While a container runs, it still knows when its run before ended. The engine's notes of one run may be in the wrong order. */
function endBefore(known: ContainerDetails | undefined, endedAt: number): number | undefined {
  if (known?.state.status !== 'running') return undefined
  const [started, finished] = [timeOf(known.state.startedAt), timeOf(known.state.finishedAt)]
  if (started === undefined || finished === undefined) return undefined
  return finished <= started && started <= endedAt ? finished : undefined
}

function momentOf(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString()
}

function timeOf(moment: string | undefined): number | undefined {
  return moment === undefined ? undefined : Date.parse(moment)
}

function runOf({ at }: Message, { exitCode, container, startedAt }: End) {
  return {
    'container.exit_code': exitCode,
    'container.exit_signal': exitSignal(exitCode),
    'container.started_at': startedAt,
    'container.finished_at': at.toISOString(),
    'container.restart_count': container?.restartCount,
  }
}

async function imageOf({ event }: Message, { inventory }: DockerClient, { container }: End, signal: AbortSignal) {
  if (container === undefined) return { 'container.image.name': event.attributes.image }
  return imageAttributes(container, await inventory.image(container.imageId, signal).catch(() => undefined))
}

async function exited(message: Message, client: DockerClient, end: End, signal: AbortSignal): Promise<Event> {
  const code = end.exitCode === undefined ? 'an exit code that nobody heard' : `exit code ${end.exitCode}`
  const what = `ended with ${code}${end.isRequested ? ' by request' : ''}`
  const more = { ...(await imageOf(message, client, end, signal)), ...runOf(message, end) }
  return signals.containerExited.event(occurrence(message, client, what, more))
}

async function crashed(message: Message, client: DockerClient, end: End, signal: AbortSignal): Promise<Event> {
  const { exitCode, isOutOfMemory, found, container } = end
  const memory = client.usage.lastMemory(message.event.actor)
  const tail = await evidence(client, end, signal)
  const name = exitSignal(exitCode)
  const how = isOutOfMemory ? 'ran out of memory and ended' : 'crashed'
  const what = `${how} with exit code ${exitCode}${name === undefined ? '' : ` (${name})`}`
  const error = found?.state.error
  return signals.containerCrashed.event({
    ...occurrence(message, client, what, {
      ...(await imageOf(message, client, end, signal)),
      ...runOf(message, end),
      'container.oom_killed': isOutOfMemory,
      'container.error': error === undefined ? undefined : withoutSecrets(error, container?.environment),
      'container.limit.memory': container?.limits.memory,
      'container.limit.cpu': container?.limits.cpus,
      'container.memory.usage': memory?.usage,
      'container.memory.usage_at': memory?.at.toISOString(),
      'container.log': 'log' in tail ? tail.log : undefined,
      'container.log_missing': 'missing' in tail ? tail.missing : undefined,
    }),
    severity: isOutOfMemory ? 'critical' : 'error',
  })
}

async function evidence(
  { engine, config }: DockerClient,
  { found, times }: End,
  signal: AbortSignal,
): Promise<LogTail> {
  if (found === undefined) return { missing: 'the container was removed before its log could be read' }
  try {
    const run = { id: found.id, environment: found.environment, ...logWindow(times) }
    return await readLogTail(engine, run, config.crash_log_lines, signal)
  } catch (error) {
    return {
      missing: error instanceof Error ? withoutSecrets(error.message, found.environment) : 'the engine did not answer',
    }
  }
}
