import { redactSecrets, tailOf } from '@rca/core/connector'
import type { ContainerDetails, EngineApi } from '../engine/engine-api.ts'

/** End of a container's log, or the reason for its absence. */
export type CrashLog = { readonly log: string } | { readonly missing: string }

/** Reason for the missing log of a removed container. */
export const REMOVED = 'the container was removed before its log could be read'

/** Reason for the missing log of a container that the engine removes, and whose log was not followed. */
export const REMOVED_ON_EXIT =
  'the container was started with `--rm`: the engine removes it, with its log, as soon as it exits, and the log was not followed before, such as in a very short run'

/** Returns the last lines of a log without secrets. One line more has to be requested. */
export function toCrashLog(text: string, environment: readonly string[], lines: number): string {
  const last = text
    .split('\n')
    .slice(-lines - 2)
    .join('\n')
  return tailOf(last, { lines, redact: (log) => redactSecrets(log, environment) })
}

/** Run of a container, with the time window of its log. */
export interface LoggedRun {
  readonly id: string
  /** `NAME=value` */
  readonly environment: readonly string[]
  readonly logDriver?: string | undefined
  /** In milliseconds since 1970; `undefined` reads the log from its beginning. */
  readonly since: number | undefined
  readonly until: number
  /** True if another run has begun, or will begin. */
  readonly isFollowed?: boolean
}

/** Reads the end of a run's log, without the container's own secrets and text that looks like a secret. */
export async function readCrashLog(
  engine: Pick<EngineApi, 'logs' | 'container'>,
  { id, environment, logDriver, since, until, isFollowed = false }: LoggedRun,
  lines: number,
  signal: AbortSignal,
): Promise<CrashLog> {
  if (lines === 0) return { missing: '`crash_log_lines` is 0' }
  const window = { since: since === undefined ? undefined : secondsOf(since), until: secondsOf(until) }
  const readTail = (tail: number) => engine.logs(id, { ...window, lines: tail }, signal)
  const text = await readTail(lines + 1)
  if (text === undefined) {
    const isRemoved = (await engine.container(id, signal)) === undefined
    const driver = logDriver === undefined ? 'its log driver' : `its log driver \`${logDriver}\``
    return { missing: isRemoved ? REMOVED : `${driver} does not support reading` }
  }
  // The container may have been started again since its exit was read.
  const hasNextRun = async (): Promise<boolean> =>
    isFollowed || hasStartedSince(await engine.container(id, signal), until - MAX_START_LAG_MS)
  const intact = await intactTail(text, lines, hasNextRun, readTail)
  if (intact === undefined) return { missing: DAMAGED }
  return { log: toCrashLog(intact.text, environment, intact.lines) }
}

/** Reason for the missing log of a container whose last lines the engine cannot read. */
const DAMAGED = 'the log is damaged: the engine returns only lines from before the damage'

interface IntactTail {
  readonly text: string
  /** Number of lines that are complete: the line before them may lack its beginning. */
  readonly lines: number
}

/**
 * Returns the longest tail that ends with the last line. An engine stops reading at a damaged record, so that a long
 * tail may end before it, with older lines than the last ones. Returns `undefined` if the last line is damaged.
 */
async function intactTail(
  text: string,
  lines: number,
  hasNextRun: () => Promise<boolean>,
  readTail: (lines: number) => Promise<string | undefined>,
): Promise<IntactTail | undefined> {
  if (text === '') return { text, lines }
  const last = await readTail(1)
  if (last === undefined) return { text, lines }
  // The last line of the whole log may belong to the next run.
  if (last === '') return (await hasNextRun()) ? { text, lines } : undefined
  if (text.endsWith(last)) return { text, lines }
  for (let tail = Math.floor(lines / 2); tail > 1; tail = Math.floor(tail / 2)) {
    const shorter = await readTail(tail + 1)
    if (shorter?.endsWith(last)) return { text: shorter, lines: tail }
  }
  return { text: last, lines: 1 }
}

/** Returns whether a container runs, or was started after the end of a run. In milliseconds since 1970. */
export function hasStartedSince(container: ContainerDetails | undefined, endedAt: number): boolean {
  const { status = '', startedAt = '' } = container?.state ?? {}
  return ['restarting', 'running'].includes(status) || Date.parse(startedAt) > endedAt
}

function secondsOf(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3)
}

/** A run may write its first lines up to this long before the engine reports its start. */
const MAX_START_LAG_MS = 1_000

/** Times of a run and of the previous one, in milliseconds since 1970. */
export interface RunTimes {
  readonly startedAt: number | undefined
  /** Time at which the engine reported the exit: by then, it has read all output of the run. */
  readonly endedAt: number
  readonly previousEndedAt: number | undefined
  /** True when another run has begun, or will begin. */
  readonly isFollowed: boolean
}

/**
 * Returns the time window of a run's log. The engine records a start late, after the first lines of the run, so that
 * only the ends of runs separate their logs reliably.
 */
export function logWindow({ startedAt, endedAt, previousEndedAt, isFollowed }: RunTimes): {
  readonly since: number | undefined
  readonly until: number
} {
  const beginning = startedAt === undefined ? undefined : startedAt - MAX_START_LAG_MS
  return {
    since: previousEndedAt === undefined ? beginning : previousEndedAt + 1,
    until: endedAt + (isFollowed ? 1 : MAX_START_LAG_MS),
  }
}
