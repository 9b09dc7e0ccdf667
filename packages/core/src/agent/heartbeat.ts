import { toMilliseconds } from '../config/duration.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { OutboxState } from '../delivery/outbox.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { PlatformError } from '../errors/platform-error.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import type { HeartbeatRequest } from '../platform/protocol.ts'

/** Between two heartbeats until the platform has said otherwise, in milliseconds. */
const INTERVAL = 30_000

/** Bounds of what the platform may ask for, in milliseconds: neither a busy loop nor silence for days. */
const SHORTEST = 100
const LONGEST = 86_400_000

/** Between two heartbeats while the platform refuses the token, in milliseconds. */
const REFUSED_INTERVAL = 120_000

export interface HeartOptions {
  readonly client: Pick<PlatformClient, 'sendHeartbeat'>
  readonly runtime: RuntimeConfig
  readonly log: Logger
  readonly describe: () => HeartbeatDescription
}

/** What one heartbeat says about the agent, but for what the heart itself knows. */
export type HeartbeatDescription = Omit<HeartbeatRequest, 'sequence' | 'interval_seconds'>

/** Says that the agent is alive. */
export interface Heart {
  /** `false` when the platform did not hear it. Never rejects. */
  beat(signal?: AbortSignal): Promise<boolean>
  /** Beats if a collector has begun or ceased to fail, or the role is another one, since the last heartbeat: the platform should not learn of it only with the next. Never rejects. */
  beatOnChange(signal?: AbortSignal): Promise<void>
  /** Milliseconds to the next heartbeat. */
  interval(): number
  /** Whether the platform heard the last heartbeat; `undefined` before the first. */
  heard(): boolean | undefined
}

/** A heart that has not beaten yet. */
export function createHeart({ client, runtime, log, describe }: HeartOptions): Heart {
  const chosen = runtime.heartbeat_interval === undefined ? undefined : toMilliseconds(runtime.heartbeat_interval)
  let interval = chosen ?? INTERVAL
  let refused = false
  let heard: boolean | undefined
  let sequence = 0
  let told: string | undefined

  const beat = async (signal?: AbortSignal): Promise<boolean> => {
    try {
      const description = describe()
      told = outcomeOf(description)
      const answer = await client.sendHeartbeat(
        { ...description, sequence: sequence++, ...(chosen === undefined ? {} : { interval_seconds: chosen / 1000 }) },
        signal,
      )
      if (chosen === undefined) interval = Math.min(LONGEST, Math.max(SHORTEST, answer.interval_seconds * 1000))
      if (heard === false) log.info({}, 'heartbeats reach the platform again')
      refused = false
      heard = true
    } catch (error) {
      if (signal?.aborted === true) return false
      refused = error instanceof PlatformError && error.refusedToken
      // A refused token has been said by the client, once for all calls.
      const message = `the heartbeat did not reach the platform: ${reasonOf(error)}`
      if (heard === false || refused) log.debug({}, message)
      else log.warn({}, message)
      heard = false
    }
    return heard
  }

  return {
    beat,
    beatOnChange: async (signal) => {
      if (heard !== false && outcomeOf(describe()) !== told) await beat(signal)
    },
    interval: () => (refused ? Math.max(interval, REFUSED_INTERVAL) : interval),
    heard: () => heard,
  }
}

/** Whether the agent reports, which collectors are well and which fail. */
function outcomeOf({ collectors, role }: HeartbeatDescription): string {
  return JSON.stringify([role, ...Object.entries(collectors).map(([name, { ok }]) => [name, ok])])
}

/** The outbox as a heartbeat shows it. */
export function outboxStatus(state: OutboxState): HeartbeatRequest['outbox'] {
  const { reports, bytes, dropped, oldestAt } = state
  return { reports, bytes, dropped, ...(oldestAt === undefined ? {} : { oldest_at: oldestAt }) }
}
