import type { Duration } from '../config/duration.ts'

/**
 * Elects a leader among several agents that watch the same thing, such as the replicas of a deployment. Only the
 * leader's collectors run, and only the leader reports. Watchers run in every agent: a standby keeps their events
 * for two minutes and reports them if it becomes leader. Give events an `id`, which the platform stores once: the
 * previous leader may have reported them too.
 */
export interface Election<Client> {
  /**
   * Takes part until `context.signal` aborts, then releases its leadership so that another agent can take over at
   * once. If it rejects, the agent becomes a standby, and core starts the election again with backoff.
   */
  run(client: Client, context: ElectionContext): Promise<void>
}

/** Argument of `Election.run`. */
export interface ElectionContext {
  /** Aborts when the agent has delivered its queue and stops. */
  readonly signal: AbortSignal
  /** Names this process among the candidates: host name and a random part. */
  readonly instanceId: string
  now(): Date
  /** Resolves after the duration. Rejects when `signal` aborts. */
  sleep(duration: Duration): Promise<void>
  /** Makes this agent the leader. Idempotent. */
  promote(): void
  /** Makes this agent a standby. Idempotent. */
  demote(): void
}
