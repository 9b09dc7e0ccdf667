import type { ConfigSchema } from '../config/config-schema.ts'
import type { Duration } from '../config/duration.ts'
import type { Deployment, DeploymentTarget } from '../deployment/deployment.ts'
import type { Logger } from '../logger.ts'
import type { SignalCatalog } from './signal-catalog.ts'
import type { EntityReference, Signals } from './signals.ts'

/** One type of infrastructure: how an agent is deployed there, and what it sees there. Made by `defineConnector`. */
export interface Connector<Config = unknown, Client = unknown> {
  readonly contract: 1
  /** `docker`; third parties use `vendor/name`. */
  readonly type: string
  readonly title: string
  /** Shown by GET /api/v1/agent/types. */
  readonly description: string
  /** The connector's own options: snake_case keys, one sentence each. */
  readonly config: ConfigSchema<Config>
  /** Every metric, entity and event it may emit. Docs are generated from it; the runtime rejects what is not in it. */
  readonly signals: SignalCatalog

  /** How to deploy an agent. Pure: no I/O, clock, randomness or environment. */
  deploy(target: DeploymentTarget<Config>): Deployment

  /** Opens the client (imports the heavy library here) and pings it. Called once per agent run, and again after it failed. */
  connect(context: ConnectContext<Config>): Promise<Client>
  /** Who is watched: a redeployed agent is the same agent. */
  identify(client: Client, context: Pick<CollectContext, 'signal' | 'now'>): Promise<Identity>
  /** Idempotent. */
  disconnect(client: Client): Promise<void>

  readonly collectors: Readonly<Record<string, Collector<Client> | StreamingCollector<Client>>>
  readonly watchers?: Readonly<Record<string, Watcher<Client>>>
  /** Decides which of several agents that watch the same thing reports. Without it an agent is alone and always does. */
  readonly election?: Election<Client>
}

/**
 * Reads one thing once. Throws on failure; never logs, retries or sets timers.
 *
 * An entity object that is returned again is taken as unchanged: make a new one when anything of it has changed. A collector of
 * many entities that keeps the objects of those that have not changed saves the work of comparing them.
 */
export interface Collector<Client> {
  collect(client: Client, context: CollectContext): Promise<Signals>
  /** @default the agent's interval */
  readonly interval?: Duration
  /** How long one run may take. @default 10s */
  readonly timeout?: Duration
}

/**
 * Reads one thing of many points once, as an async generator. Core takes the points of each `yield` at once and resumes the generator
 * when there is room for more, so that neither side has to hold them all. Points that were yielded before a failure stay sent, but not
 * for `collectMetrics`. Entities, events and gaps are reported when the generator has ended.
 *
 * At the timeout, and when the agent stops, core closes the generator: its `finally` blocks run.
 */
export interface StreamingCollector<Client> extends Omit<Collector<Client>, 'collect'> {
  collect(client: Client, context: CollectContext): AsyncIterable<Signals>
}

/** Follows one stream of events until `context.signal` aborts. Rejecting means: restart me, with backoff, from the last saved cursor. Resolving means: nothing more will come. */
export interface Watcher<Client> {
  watch(client: Client, context: WatchContext): Promise<void>
}

/**
 * Sees to it that one of several agents that watch the same thing leads. Only the leader's collectors run, and only the leader
 * reports. Watchers run in all of them: what those of a standby say is kept for two minutes, and told by it if it has to take
 * over. Give events an `id`, which the platform stores once: the leader that is gone may have told them too.
 */
export interface Election<Client> {
  /** Takes part until `context.signal` aborts, then gives up what it holds, so that another can take over at once. Rejecting means: stand by, and start me again, with backoff. */
  run(client: Client, context: ElectionContext): Promise<void>
}

/** A stable identity of what is watched. */
export interface Identity {
  /** Engine id, cluster uid, machine id. Leaves the process only as a hash. */
  readonly id: string
  /** What people call it, such as the host's name. */
  readonly name: string
  /** The entity that stands for it. Its type is declared in `signals`, and a collector describes it. */
  readonly entity: EntityReference
}

/** What `connect` is given. */
export interface ConnectContext<Config> {
  readonly config: Config
  /** Aborts when connecting takes too long or the agent stops. */
  readonly signal: AbortSignal
  readonly log: Logger
  /**
   * A keyed hash of a text, 32 hexadecimal digits: tells whether a secret has changed, and nothing of what it is. The key is
   * the agent's own and stays where the agent keeps its state: hashes of two agents cannot be compared. Replicas of one agent, which have
   * an election, have one key, which follows from their token: a new token changes every hash, and who has the token can test guesses, so
   * that they are to send no hash of what can be guessed.
   */
  keyedHash(text: string): string
}

/** What every run of a collector is given. */
export interface CollectContext {
  /** Aborts at the collector's deadline and when the agent stops. */
  readonly signal: AbortSignal
  /**
   * What has not changed since the run before is to be told as well: what this run sees stands alone, as for `collectMetrics`, or a report
   * got lost. Such a run is no reason to tell less the next time. @default false
   */
  readonly fullSnapshot?: boolean
  now(): Date
  /**
   * Keeps a reading for this collector's next run and returns the one kept before: how a rate or a change is computed. Of a run that fails
   * nothing is kept, and neither is anything while another agent leads: do not change a reading once it is kept.
   */
  swapState<Reading>(reading: Reading): Reading | undefined
}

/** What every run of a watcher is given. */
export interface WatchContext {
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal
  now(): Date
  /** Sends signals on at once. What cannot be seen is said by rejecting: that is a gap until the watcher has run well again. */
  emit(signals: Omit<Signals, 'gaps'>): void
  /** What `saveCursor` was last given, also by an earlier run of the agent where it has a state directory. */
  readonly cursor: string | undefined
  /**
   * Keeps how far the stream has been read. Save only after `emit`. Reports wait in memory: an agent that is killed
   * between the two loses what it had not delivered.
   */
  saveCursor(cursor: string): Promise<void>
  /** Waits. Rejects when `signal` aborts. */
  sleep(duration: Duration): Promise<void>
}

/** What every run of an election is given. */
export interface ElectionContext {
  /** Aborts when the agent has delivered what it could and stops. */
  readonly signal: AbortSignal
  /** Names this process among those that take part: host name and a random part. */
  readonly instanceId: string
  now(): Date
  /** Waits. Rejects when `signal` aborts. */
  sleep(duration: Duration): Promise<void>
  /** From now on this agent reports. Idempotent. */
  promote(): void
  /** From now on it does not. Idempotent. */
  demote(): void
}
