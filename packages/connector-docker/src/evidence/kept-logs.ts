import { setTimeout } from 'node:timers/promises'
import type { EngineApi } from '../engine/engine-api.ts'
import { demultiplex, wholeFramesLength } from '../engine/log-frames.ts'

/** Logs that are followed at once: each needs a connection. */
const MAX_LOGS = 32

/** Ended logs that are kept until the exit of their container is reported. */
const MAX_ENDED_LOGS = 64

/** Characters that are kept of a log. */
const MAX_LENGTH = 32_768

/** Longer words are kept without their beginning. */
const MAX_WORD_LENGTH = 4_096

/** Time for a log to end after its container. */
const END_TIMEOUT_MS = 1_000

/**
 * Time from a start until the log is followed. An engine that is asked for the log of a container that is exiting
 * creates the file of the log again while it removes the container, and fails to remove it. Most short runs end before.
 */
const MIN_RUN_MS = 250

interface KeptLog {
  /** `undefined` until the engine answers. */
  text: string | undefined
  state: 'waiting' | 'following' | 'ended'
  ended: Promise<void>
}

type LogEngine = Pick<EngineApi, 'container' | 'followLog'>

export type KeptLogs = ReturnType<typeof createKeptLogs>

/**
 * Keeps the ends of logs of running containers that the engine removes, with their logs, as soon as they exit (`docker
 * run --rm`).
 *
 * @param minRunMs time from the start of a container until its log is followed
 */
export function createKeptLogs(engine: LogEngine, lines: number, minRunMs: number = MIN_RUN_MS) {
  const logs = new Map<string, KeptLog>()
  const stopped = new AbortController()

  const readInto = async (log: KeptLog, id: string): Promise<void> => {
    const { signal } = stopped
    let rest = Buffer.alloc(0)
    const take = (chunk: Buffer): void => {
      const bytes = Buffer.concat([rest, chunk])
      const length = wholeFramesLength(bytes)
      rest = bytes.subarray(length)
      log.text = endOf((log.text ?? '') + demultiplex(bytes.subarray(0, length)))
    }
    try {
      await setTimeout(minRunMs, undefined, { signal, ref: false })
      // Without a request for a container whose exit is known.
      const isRunning = logs.get(id) === log && (await engine.container(id, signal))?.state.status === 'running'
      if (!isRunning || logs.get(id) !== log) return
      log.state = 'following'
      await engine.followLog(id, lines + 1, take, signal)
      log.text ??= ''
    } catch {
      // The container was removed, or its log driver does not support reading: the event of the exit says so.
    } finally {
      log.state = 'ended'
    }
  }

  return {
    /** Follows the log of a container until it ends. Does nothing when too many are followed. */
    follow: (id: string): void => {
      // A log ends with the run, and with the connection.
      if (lines === 0 || (logs.has(id) && logs.get(id)?.state !== 'ended')) return
      dropOldest(logs)
      if ([...logs.values()].filter(({ state }) => state !== 'ended').length >= MAX_LOGS) return
      const log: KeptLog = { text: undefined, state: 'waiting', ended: Promise.resolve() }
      logs.set(id, log)
      log.ended = readInto(log, id)
    },
    /** Returns the end of a log, once its container has exited, and drops it. `undefined` for one that is not kept. */
    take: async (id: string, signal: AbortSignal): Promise<string | undefined> => {
      const log = logs.get(id)
      if (log?.state === 'following') {
        const timeout = setTimeout(END_TIMEOUT_MS, undefined, { signal, ref: false }).catch(() => undefined)
        await Promise.race([log.ended, timeout])
      }
      logs.delete(id)
      return log?.text
    },
    drop: (id: string): void => void logs.delete(id),
    /** Stops following all logs. */
    close: () => stopped.abort(),
  }
}

/** Returns the end of a text, beginning with a line or a word: half of a secret is one too. */
function endOf(text: string): string {
  if (text.length <= MAX_LENGTH) return text
  const end = text.slice(-MAX_LENGTH)
  const lineFeed = end.slice(0, -1).indexOf('\n')
  return end.slice((lineFeed === -1 ? end.slice(0, MAX_WORD_LENGTH).search(/\s/) : lineFeed) + 1)
}

/** Drops ended logs whose container's exit was not reported. */
function dropOldest(logs: Map<string, KeptLog>): void {
  const ended = [...logs].filter(([, { state }]) => state === 'ended')
  for (const [id] of ended.slice(0, Math.max(0, ended.length - MAX_ENDED_LOGS))) logs.delete(id)
}
