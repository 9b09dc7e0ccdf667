import { type Event, type EventSample, event, exitSignal, redactSecrets } from '@rca/core/connector'
import { containerAttributeNames, imageAttributeNames } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { stepAttributeNames } from './change-steps.ts'
import { containerEventFields, type EngineMessage, imageAttributesOf } from './engine-message.ts'
import { type LoggedExit, readExitLog } from './exit-log.ts'
import { type OomKill, waitForOomKill } from './oom-kill.ts'
import { isStopExit } from './signals.ts'

const runAttributeNames = {
  'container.exit_code': 'Exit code.',
  'container.exit_signal': 'Signal that the exit code represents, such as `SIGKILL`.',
  'container.started_at': 'Start of the run. ISO 8601.',
  'container.finished_at': 'End of the run. ISO 8601.',
  'container.restart_count': 'Number of restarts by the restart policy.',
}

export const exitSignals = {
  containerExited: event({
    name: 'container.exited',
    severity: 'info',
    description:
      'A container exited with code 0, was stopped by request, or ended with a stop signal while engine or agent were stopped.',
    attributes: { ...stepAttributeNames, ...imageAttributeNames, ...runAttributeNames },
  }),
  containerCrashed: event({
    name: 'container.crashed',
    severity: 'error',
    description: 'A container exited with a code other than 0, or ran out of memory. Carries the evidence.',
    attributes: {
      ...containerAttributeNames,
      ...imageAttributeNames,
      ...runAttributeNames,
      'container.oom_killed': 'Whether the container ran out of memory.',
      'container.error': 'Error message of the engine, without secrets.',
      'container.limit.memory': 'Memory limit, in bytes.',
      'container.limit.cpu': 'CPU limit, in CPUs.',
      'container.memory.usage': 'Last memory usage read before the exit, in bytes.',
      'container.memory.usage_at': 'Time of that reading. ISO 8601.',
      'container.log': 'End of the log of this run, at most 16 KiB, without secrets and escape sequences.',
      'container.log_missing': 'Reason for a missing log.',
    },
  }),
  containerRestartLoop: event({
    name: 'container.restart_loop',
    severity: 'error',
    description:
      'A container exits repeatedly. After four exits, the 10th, 30th, 100th, … replace the events of its exits, starts and network connections.',
    attributes: {
      ...containerAttributeNames,
      ...runAttributeNames,
      'container.restart_loop.count': 'Exits since the loop began.',
      'container.restart_loop.since': 'Time of the first exit of the loop. ISO 8601.',
    },
  }),
}

/** Exit code after SIGKILL, the signal that the kernel's OOM killer sends. */
export const SIGKILL_EXIT_CODE = 137

/** A program that survives a stop signal for longer than this was not stopped by it. */
const MAX_STOP_TIME_MS = 120_000

/** A run that ends later than this after an OOM kill has survived it: another process in it was killed. */
const MAX_OOM_EXIT_DELAY_MS = 5_000

/** The same for a run that SIGKILL ended without a request: an engine under load reports the exit late. */
const MAX_OOM_KILL_DELAY_MS = 60_000

/** Share of the memory limit from which SIGKILL without a request counts as an OOM kill. */
const OOM_MEMORY_RATIO = 0.95

/** State of a run before its exit. Times in milliseconds since 1970. */
export interface RunHistory {
  /** Time of the last stop signal. */
  readonly stopRequestedAt: number | undefined
  /** Time of the last signal whose number is unknown. */
  readonly unknownSignalAt?: number | undefined
  readonly oomKill: OomKill
  readonly startedAt: number | undefined
  readonly previousEndedAt: number | undefined
  /** Count of exits, when this one is a milestone of a restart loop. */
  readonly loop?: EventSample | undefined
}

export function isStopRequested({ stopRequestedAt }: Pick<RunHistory, 'stopRequestedAt'>, at: Date): boolean {
  return stopRequestedAt !== undefined && at.getTime() - stopRequestedAt <= MAX_STOP_TIME_MS
}

/** Returns whether an exit may have been requested, as far as its exit code is unknown. */
export function mayBeStopRequested(run: RunHistory, at: Date): boolean {
  return isStopRequested(run, at) || isStopRequested({ stopRequestedAt: run.unknownSignalAt }, at)
}

interface Exit extends LoggedExit {
  /** `undefined` when the exit was missed and the container runs again. */
  readonly exitCode: number | undefined
  readonly isStopRequested: boolean
  /** The events of the time are missing, and the exit code is that of a stop: it may have been requested. */
  readonly isUnobservedStop: boolean
  readonly isOutOfMemory: boolean
  readonly startedAt: string | undefined
}

/** Builds an exit's event: plain on request or success, with evidence for a crash, a count in a restart loop. */
export async function describeExit(
  message: EngineMessage,
  client: DockerClient,
  signal: AbortSignal,
  run: RunHistory,
): Promise<Event> {
  const exit = await exitOf(message, client, run, signal)
  const fullEvent = isCrash(exit) ? crashedEvent : exitedEvent
  if (!isCrash(exit) || run.loop !== undefined) client.keptLogs.drop(message.raw.actor)
  if (run.loop === undefined) return fullEvent(message, client, exit, signal)
  const { count, series: since } = run.loop
  const what = `${isCrash(exit) ? 'crashes' : 'exits'} repeatedly: ${count} times since ${since}`
  const loop = { 'container.restart_loop.count': count, 'container.restart_loop.since': since }
  return exitSignals.containerRestartLoop.event(
    containerEventFields(message, client, what, { ...runAttributes(message, exit), ...loop }),
  )
}

/** A requested exit is a crash only if the OOM killer ended the run, rather than another process in it. */
function isCrash({ exitCode, isStopRequested, isUnobservedStop, isOutOfMemory }: Exit): boolean {
  if (isStopRequested || isUnobservedStop) return isOutOfMemory && exitCode === SIGKILL_EXIT_CODE
  return isOutOfMemory || (exitCode !== undefined && exitCode !== 0)
}

async function exitOf(
  { raw, at }: EngineMessage,
  { inventory, usage }: DockerClient,
  run: RunHistory,
  signal: AbortSignal,
): Promise<Exit> {
  const before = inventory.lastKnown(raw.actor)
  const found = await inventory.inspect(raw.actor, signal).catch(() => undefined)
  const container = found ?? before
  const started = toTime(container?.state.startedAt)
  // The inspection of a container that was restarted in the meantime describes its next run.
  const isNextRun = started !== undefined && started > at.getTime()
  const startedAt = isNextRun ? run.startedAt : started
  // The inspection may be the first to reveal that the exit code of the event is a label.
  const isLabel = container?.labels.exitCode !== undefined && raw.isInferred !== true
  const exitCode =
    (isLabel ? undefined : toExitCode(raw.attributes.exitCode)) ?? (isNextRun ? undefined : exitCodeOf(found))
  const wasRequested =
    isStopRequested(run, at) || (mayBeStopRequested(run, at) && isStopExit(exitCode, container?.stopSignal))
  const isUnobservedStop = raw.isInferred === true && !wasRequested && isStopExit(exitCode, container?.stopSignal)
  const mayBeOomKill = exitCode === SIGKILL_EXIT_CODE && !wasRequested && !isUnobservedStop
  // The engine marks a run as out of memory from the first OOM kill of any of its processes.
  const wasSurvived = isSurvivedOomKill(run, { exitCode, wasRequested, at })
  const hasOomEvidence =
    (!isNextRun && !wasSurvived && found?.state.outOfMemory === true) ||
    (mayBeOomKill && container !== undefined && usage.takeOomKill(container)) ||
    (mayBeOomKill && isAtMemoryLimit(usage.lastMemory(raw.actor), container?.limits.memory, startedAt))
  if (mayBeOomKill && !hasOomEvidence && !run.oomKill.isReported) await waitForOomKill(run.oomKill, signal)
  const isOutOfMemory = hasOomEvidence || (run.oomKill.isReported && !wasSurvived)
  if (!isOutOfMemory) run.oomKill.missExit()
  return {
    exitCode,
    isStopRequested: wasRequested,
    isUnobservedStop,
    isOutOfMemory,
    found,
    container,
    startedAt: isNextRun ? toIso(run.startedAt) : container?.state.startedAt,
    times: {
      startedAt,
      endedAt: at.getTime(),
      previousEndedAt: run.previousEndedAt ?? previousEnd(before, at.getTime()),
      isFollowed: isNextRun || ['restarting', 'running'].includes(found?.state.status ?? ''),
    },
  }
}

function toExitCode(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

/** Returns the exit code of an ended container. A running one no longer has that of its previous run. */
function exitCodeOf(container: ContainerDetails | undefined): number | undefined {
  const { status = 'running', exitCode } = container?.state ?? {}
  return status === 'running' || status === 'paused' ? undefined : exitCode
}

/** Returns whether the run went on after its last OOM kill, which ended another process in it, and ended otherwise. */
function isSurvivedOomKill(
  { oomKill, stopRequestedAt }: RunHistory,
  {
    exitCode,
    wasRequested,
    at,
  }: Pick<EngineMessage, 'at'> & {
    readonly exitCode: number | undefined
    readonly wasRequested: boolean
  },
): boolean {
  if (oomKill.at === undefined) return false
  if (wasRequested && stopRequestedAt !== undefined && oomKill.at < stopRequestedAt) return true
  const wasKilled = exitCode === SIGKILL_EXIT_CODE && !wasRequested
  return at.getTime() - oomKill.at > (wasKilled ? MAX_OOM_KILL_DELAY_MS : MAX_OOM_EXIT_DELAY_MS)
}

/** Returns whether the last reading of this run was at the memory limit. The engine may miss the OOM kill then. */
function isAtMemoryLimit(
  reading: ReturnType<DockerClient['usage']['lastMemory']>,
  limit: number | undefined,
  startedAt: number | undefined,
): boolean {
  if (reading === undefined || limit === undefined || reading.at.getTime() < (startedAt ?? 0)) return false
  return reading.usage >= limit * OOM_MEMORY_RATIO
}

/** A running container still records the end of its previous run. The engine may update its two times in any order. */
function previousEnd(known: ContainerDetails | undefined, endedAt: number): number | undefined {
  if (known?.state.status !== 'running') return undefined
  const [started, finished] = [toTime(known.state.startedAt), toTime(known.state.finishedAt)]
  if (started === undefined || finished === undefined) return undefined
  return finished <= started && started <= endedAt ? finished : undefined
}

function toIso(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString()
}

function toTime(moment: string | undefined): number | undefined {
  return moment === undefined ? undefined : Date.parse(moment)
}

function runAttributes({ at }: EngineMessage, { exitCode, container, startedAt }: Exit) {
  return {
    'container.exit_code': exitCode,
    'container.exit_signal': exitSignal(exitCode),
    'container.started_at': startedAt,
    'container.finished_at': at.toISOString(),
    'container.restart_count': container?.restartCount,
  }
}

async function exitedEvent(
  message: EngineMessage,
  client: DockerClient,
  exit: Exit,
  signal: AbortSignal,
): Promise<Event> {
  const code = exit.exitCode === undefined ? 'an unknown exit code' : `exit code ${exit.exitCode}`
  const isUnobserved = exit.isUnobservedStop || (message.raw.isInferred === true && exit.exitCode === undefined)
  const how = isUnobserved ? ' while the engine or the agent was stopped' : ''
  const what = `ended with ${code}${exit.isStopRequested ? ' by request' : how}`
  const more = {
    ...(await imageAttributesOf(message, client, exit.container, signal)),
    ...runAttributes(message, exit),
  }
  return exitSignals.containerExited.event(containerEventFields(message, client, what, more))
}

async function crashedEvent(
  message: EngineMessage,
  client: DockerClient,
  exit: Exit,
  signal: AbortSignal,
): Promise<Event> {
  const { exitCode, isOutOfMemory, found, container } = exit
  const memory = client.usage.lastMemory(message.raw.actor)
  const log = await readExitLog(message.raw.actor, exit, client, signal)
  const signalName = exitSignal(exitCode)
  const how = isOutOfMemory ? 'ran out of memory and ended' : 'crashed'
  const what = `${how} with exit code ${exitCode}${signalName === undefined ? '' : ` (${signalName})`}`
  const error = found?.state.error
  return exitSignals.containerCrashed.event({
    ...containerEventFields(message, client, what, {
      ...(await imageAttributesOf(message, client, container, signal)),
      ...runAttributes(message, exit),
      'container.oom_killed': isOutOfMemory,
      'container.error': error === undefined ? undefined : redactSecrets(error, container?.environment),
      'container.limit.memory': container?.limits.memory,
      'container.limit.cpu': container?.limits.cpus,
      'container.memory.usage': memory?.usage,
      'container.memory.usage_at': memory?.at.toISOString(),
      'container.log': 'log' in log ? log.log : undefined,
      'container.log_missing': 'missing' in log ? log.missing : undefined,
    }),
    severity: isOutOfMemory ? 'critical' : 'error',
  })
}
