import { redactSecrets } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import {
  type CrashLog,
  hasStartedSince,
  logWindow,
  REMOVED,
  REMOVED_ON_EXIT,
  type RunTimes,
  readCrashLog,
  toCrashLog,
} from '../evidence/crash-log.ts'

/** Exit of a container, as far as its log depends on it. */
export interface LoggedExit {
  /** Current inspection; `undefined` when the container no longer exists or the engine does not answer. */
  readonly found: ContainerDetails | undefined
  /** Current inspection, or the last one. */
  readonly container: ContainerDetails | undefined
  readonly times: RunTimes
}

/** Reads the log of the run that ended with an exit: from the engine, or what was kept of it. Does not reject. */
export async function readExitLog(
  id: string,
  exit: LoggedExit,
  client: DockerClient,
  signal: AbortSignal,
): Promise<CrashLog> {
  return (await readKeptLog(client, id, exit.container, signal)) ?? (await readLog(client, exit, signal))
}

/** Returns the log of a container that the engine removes when it exits, followed while it ran. */
async function readKeptLog(
  { keptLogs, config }: DockerClient,
  id: string,
  container: ContainerDetails | undefined,
  signal: AbortSignal,
): Promise<CrashLog | undefined> {
  const text = await keptLogs.take(id, signal)
  // Without the variables of the container, its secrets are unknown.
  if (text === undefined || container === undefined) return undefined
  return { log: toCrashLog(text, container.environment, config.crash_log_lines) }
}

async function readLog(
  { engine, config }: DockerClient,
  { found, container, times }: LoggedExit,
  signal: AbortSignal,
): Promise<CrashLog> {
  // Even if the container still exists: a request for its log would disturb its removal.
  if (container?.autoRemove === true) return { missing: REMOVED_ON_EXIT }
  if (found === undefined) return { missing: REMOVED }
  try {
    const { id, environment, logDriver } = found
    const read = (isFollowed: boolean): Promise<CrashLog> => {
      const run = { id, environment, logDriver, isFollowed, ...logWindow({ ...times, isFollowed }) }
      return readCrashLog(engine, run, config.crash_log_lines, signal)
    }
    const log = await read(times.isFollowed)
    if (times.isFollowed || !('log' in log)) return log
    // The next run may have begun, and written its first lines, since the container was inspected.
    return hasStartedSince(await engine.container(id, signal), times.endedAt) ? await read(true) : log
  } catch (error) {
    return {
      missing: error instanceof Error ? redactSecrets(error.message, found.environment) : 'the engine did not answer',
    }
  }
}
