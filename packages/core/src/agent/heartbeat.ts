import { waitAfter } from '../backoff.ts'
import { toMilliseconds } from '../config/duration.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { OutboxState } from '../delivery/outbox.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import { type CollectorStatus, type HeartbeatRequest, LIMITS } from '../platform/protocol.ts'
import type { Enrolment } from './enrolment.ts'

/** Interval until the platform asks for another one. */
const DEFAULT_INTERVAL_MS = 30_000

/** Bounds of the interval that the platform may ask for: neither a busy loop nor silence for days. */
const MIN_INTERVAL_MS = 100
const MAX_INTERVAL_MS = 86_400_000

const REFUSED_INTERVAL_MS = 120_000

export interface HeartbeatSenderOptions {
  readonly client: Pick<PlatformClient, 'sendHeartbeat'>
  readonly enrolment: Pick<Enrolment, 'prepare' | 'rotate'>
  readonly runtime: RuntimeConfig
  readonly log: Logger
  readonly describe: () => HeartbeatDescription
}

/** A heartbeat without the fields that the sender adds. */
export type HeartbeatDescription = Omit<HeartbeatRequest, 'sequence' | 'interval_seconds' | 'report_interval_seconds'>

/** Why the platform did not acknowledge a heartbeat. */
export interface HeartbeatFailure {
  readonly reason: string
  /** True if the platform refused the token: only another token helps. */
  readonly refusedToken: boolean
}

export type HeartbeatSender = ReturnType<typeof createHeartbeatSender>

/** Creates a sender whose first heartbeat has sequence 0. */
export function createHeartbeatSender({ client, enrolment, runtime, log, describe }: HeartbeatSenderOptions) {
  const configured = runtime.heartbeat_interval === undefined ? undefined : toMilliseconds(runtime.heartbeat_interval)
  let intervalMs = configured ?? DEFAULT_INTERVAL_MS
  let failure: HeartbeatFailure | undefined
  let retryAfterMs = 0
  let acknowledgedAt: Date | undefined
  let acknowledged: boolean | undefined
  let sequence = 0
  let lastSummary: string | undefined
  let lastWarning: string | undefined

  const send = async (signal?: AbortSignal): Promise<boolean> => {
    await enrolment.prepare(signal)
    try {
      const description = describe()
      lastSummary = summaryOf(description)
      const intervals = {
        ...(configured === undefined ? {} : { interval_seconds: configured / 1000 }),
        report_interval_seconds: toMilliseconds(runtime.collect_interval) / 1000,
      }
      const answer = await client.sendHeartbeat(
        { ...description, collectors: fitCollectors(description.collectors), sequence: sequence++, ...intervals },
        signal,
      )
      if (configured === undefined)
        intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, answer.interval_seconds * 1000))
      if (acknowledged === false) log.info({}, 'heartbeat recovered')
      failure = undefined
      retryAfterMs = 0
      acknowledgedAt = new Date()
      acknowledged = true
      const { warning, rotate_key } = answer
      if (warning !== undefined && warning !== lastWarning) log.warn({ warning }, 'the platform warns')
      lastWarning = warning
      if (rotate_key === true) await enrolment.rotate(signal)
    } catch (error) {
      if (signal?.aborted === true) return false
      failure = { reason: reasonOf(error), refusedToken: error instanceof PlatformError && error.refusedToken }
      const asked = error instanceof PlatformError ? error.retryAfter : undefined
      retryAfterMs = asked === undefined ? 0 : waitAfter(asked)
      // The client logs a refused token, once for all calls.
      const level = acknowledged === false || failure.refusedToken ? 'debug' : 'warn'
      log[level]({ error: failure.reason }, 'heartbeat failed')
      acknowledged = false
    }
    return acknowledged
  }

  return {
    /** Returns false if the platform did not acknowledge the heartbeat. Never rejects. */
    send,
    /** Sends a heartbeat if the role or the health of a collector has changed since the last one. Never rejects. */
    sendOnChange: async (signal?: AbortSignal): Promise<void> => {
      if (acknowledged !== false && summaryOf(describe()) !== lastSummary) await send(signal)
    },
    intervalMs: () => (failure?.refusedToken === true ? Math.max(intervalMs, REFUSED_INTERVAL_MS) : intervalMs),
    /** Returns the least time until the next heartbeat that the platform asked for, 0 if it did not. */
    retryAfterMs: () => retryAfterMs,
    /** Returns whether the platform acknowledged the last heartbeat, `undefined` before the first. */
    acknowledged: () => acknowledged,
    /** Returns the time of the last acknowledged heartbeat, `undefined` before the first. */
    acknowledgedAt: () => acknowledgedAt,
    /** Returns why the platform did not acknowledge the last heartbeat, `undefined` if it did. */
    failure: () => failure,
  }
}

/** Size of all collectors' states in a heartbeat, in bytes of JSON. The platform refuses a heartbeat of 256 KiB. */
const MAX_COLLECTORS_BYTES = 131_072

/** Length of an error if all errors together are too long. */
const MIN_ERROR_LENGTH = 64

/** Shortens errors, and leaves out collectors beyond the limit, so that the platform accepts the heartbeat. */
export function fitCollectors(collectors: HeartbeatRequest['collectors']): HeartbeatRequest['collectors'] {
  const entries = Object.entries(collectors).slice(0, LIMITS.collectors)
  for (let length: number = LIMITS.reason; ; length /= 2) {
    const fitting = Object.fromEntries(entries.map(([name, status]) => [name, withShortError(status, length)]))
    if (length <= MIN_ERROR_LENGTH || Buffer.byteLength(JSON.stringify(fitting)) <= MAX_COLLECTORS_BYTES) return fitting
  }
}

function withShortError(status: CollectorStatus, length: number): CollectorStatus {
  const { error } = status
  return error === undefined || error.length <= length
    ? status
    : { ...status, error: `${error.slice(0, length - 1).toWellFormed()}…` }
}

/** Summarises the role and which collectors fail. */
function summaryOf({ collectors, role }: HeartbeatDescription): string {
  return JSON.stringify([role, ...Object.entries(collectors).map(([name, { ok, ended }]) => [name, ok, ended])])
}

export function outboxStatus(state: OutboxState): HeartbeatRequest['outbox'] {
  const { reports, bytes, dropped, oldestAt } = state
  return { reports, bytes, dropped, ...(oldestAt === undefined ? {} : { oldest_at: oldestAt }) }
}
