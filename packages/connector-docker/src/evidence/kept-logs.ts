import { setTimeout } from 'node:timers/promises'
import type { EngineApi } from '../engine/engine-api.ts'
import { demultiplex, wholeFramesLength } from '../engine/log-frames.ts'

/** Logs that are followed at once: each needs a connection. */
const MAX_LOGS = 32

/** Ended logs that are kept until the exit of their container is reported. */
const MAX_ENDED_LOGS = 64

/** Characters that are kept of a log. */
const MAX_LENGTH = 32_768

/** Time for a log to end after its container. */
const END_TIMEOUT_MS = 1_000

interface KeptLog {
  text: string
  isEnded: boolean
  ended: Promise<void>
}

export type KeptLogs = ReturnType<typeof createKeptLogs>

/**
 * Keeps the ends of logs of running containers that the engine removes, with their logs, as soon as they exit (`docker
 * run --rm`).
 */
export function createKeptLogs(engine: Pick<EngineApi, 'followLog'>, lines: number) {
  const logs = new Map<string, KeptLog>()
  const stopped = new AbortController()
  return {
    /** Follows the log of a container until it ends. Returns `false` when too many are followed. */
    follow: (id: string): boolean => {
      if (lines === 0 || logs.has(id)) return true
      dropOldest(logs)
      if ([...logs.values()].filter(({ isEnded }) => !isEnded).length >= MAX_LOGS) return false
      const log: KeptLog = { text: '', isEnded: false, ended: Promise.resolve() }
      logs.set(id, log)
      log.ended = readInto(log, engine, id, lines, stopped.signal)
      return true
    },
    /** Returns the end of a log, once its container has exited, and drops it. `undefined` for one that is not kept. */
    take: async (id: string, signal: AbortSignal): Promise<string | undefined> => {
      const log = logs.get(id)
      if (log === undefined) return undefined
      const timeout = setTimeout(END_TIMEOUT_MS, undefined, { signal, ref: false }).catch(() => undefined)
      await Promise.race([log.ended, timeout])
      logs.delete(id)
      return log.text === '' ? undefined : log.text
    },
    drop: (id: string): void => void logs.delete(id),
    /** Stops to follow all logs. */
    close: () => stopped.abort(),
  }
}

async function readInto(
  log: KeptLog,
  engine: Pick<EngineApi, 'followLog'>,
  id: string,
  lines: number,
  signal: AbortSignal,
): Promise<void> {
  let rest = Buffer.alloc(0)
  const take = (chunk: Buffer): void => {
    const bytes = Buffer.concat([rest, chunk])
    const length = wholeFramesLength(bytes)
    rest = bytes.subarray(length)
    log.text = (log.text + demultiplex(bytes.subarray(0, length))).slice(-MAX_LENGTH)
  }
  try {
    await engine.followLog(id, lines, take, signal)
  } catch {
    // The container was removed, or its log driver does not support reading: the event of the exit says so.
  } finally {
    log.isEnded = true
  }
}

/** Drops ended logs whose container's exit was not reported. */
function dropOldest(logs: Map<string, KeptLog>): void {
  const ended = [...logs].filter(([, { isEnded }]) => isEnded)
  for (const [id] of ended.slice(0, Math.max(0, ended.length - MAX_ENDED_LOGS))) logs.delete(id)
}
