import type { ConfigSchema } from '../config/config-schema.ts'
import type { Duration } from '../config/duration.ts'
import type { Deployment, DeploymentTarget } from '../deployment/deployment.ts'
import type { Logger } from '../logger.ts'
import type { Election } from './election.ts'
import type { SignalCatalog } from './signal-catalog.ts'
import type { EntityReference, Signals } from './signals.ts'

/** A type of infrastructure: how to deploy an agent there, and how to watch it. Created by `defineConnector`. */
export interface Connector<Config = unknown, Client = unknown> {
  /** `docker`; third parties use `vendor/name`. */
  readonly type: string
  readonly title: string
  /** Shown by GET /api/v1/agent/types. */
  readonly description: string
  /** The connector's own options: snake_case keys, one sentence each. */
  readonly config: ConfigSchema<Config>
  /** Everything that the connector may emit. Core rejects other signals; the docs are generated from it. */
  readonly signals: SignalCatalog

  /**
   * Plans how to deploy an agent. Pure: no I/O, clock, randomness or environment; returns within 2 s. Throw a
   * `ConfigError` for options that cannot be deployed: the platform answers 422 with its issues.
   */
  deploy(target: DeploymentTarget<Config>): Deployment

  /** Opens the client (imports the heavy library here) and pings it. Called again after a failure. */
  connect(context: ConnectContext<Config>): Promise<Client>
  /** Identifies the watched host, engine or cluster, so that a redeployed agent is the same agent. */
  identify(client: Client, context: Pick<CollectContext, 'signal' | 'now'>): Promise<Identity>
  /** Closes the client. Idempotent. @default nothing to close */
  disconnect?(client: Client): Promise<void>

  readonly collectors: Readonly<Record<string, Collector<Client> | StreamingCollector<Client>>>
  readonly watchers?: Readonly<Record<string, Watcher<Client>>>
  /** Keeps the agent's key where replicas share it. @default the state directory, also if it returns `undefined` */
  keyStore?(client: Client): KeyStore | undefined
  /** Elects the agent that reports, where several watch the same thing. @default every agent reports */
  readonly election?: Election<Client>
}

/** Keeps secret texts by name: letters, digits and `-`. Core limits the time of a call. */
export interface KeyStore {
  /** Returns `undefined` if there is no text of this name. */
  read(name: string, signal: AbortSignal): Promise<string | undefined>
  /** Resolves once the text is stored durably. */
  write(name: string, text: string, signal: AbortSignal): Promise<void>
}

/** Reads one thing once. Throws on failure; never logs, retries or sets timers. */
export interface Collector<Client> {
  /**
   * Returns what it read. With thousands of entities, return the same object while nothing has changed: core skips the
   * comparison. Never modify a returned object.
   */
  collect(client: Client, context: CollectContext): Promise<Signals>
  /** At least 1s. @default the agent's interval */
  readonly interval?: Duration
  /** Time limit of one run. @default 10s */
  readonly timeout?: Duration
}

/**
 * A collector of very many points, as an async generator. Core takes the points of each `yield` at once and resumes
 * the generator when there is room for more, so that neither side holds them all. Points that were yielded before a
 * failure stay sent, except for `collectMetrics`. Entities, events and gaps are reported when the generator has
 * ended.
 *
 * At the timeout, and when the agent stops, core closes the generator: its `finally` blocks run.
 */
export interface StreamingCollector<Client> extends Omit<Collector<Client>, 'collect'> {
  collect(client: Client, context: CollectContext): AsyncIterable<Signals>
}

/** Follows one stream of events. */
export interface Watcher<Client> {
  /**
   * Emits events until `context.signal` aborts. If it rejects, core reports a gap and starts it again, with
   * backoff, from the last saved cursor. If it resolves, the stream has ended.
   */
  watch(client: Client, context: WatchContext): Promise<void>
}

/** Stable identity of a watched host, engine or cluster. */
export interface Identity {
  /** Engine id, cluster uid, machine id. Leaves the process only as a hash. */
  readonly id: string
  /** Name for people, such as the host name. */
  readonly name: string
  /** Its entity: of a type declared in `signals`, described by a collector. */
  readonly entity: EntityReference
}

/** Argument of `connect`. */
export interface ConnectContext<Config> {
  readonly config: Config
  /** Aborts when connecting takes too long or the agent stops. */
  readonly signal: AbortSignal
  readonly log: Logger
  /**
   * Names of what this core supports beyond the first version of the contract, such as `unread`. Absent in versions of
   * core that have no such names.
   */
  readonly features?: ReadonlySet<string>
  /**
   * Returns a keyed hash of a text, 32 hexadecimal digits, to detect that a secret changed without revealing it.
   * Every agent has a key of its own, kept in its state directory, so hashes of two agents cannot be compared.
   * Agents with an election share a key that is derived from their token: a new token changes every hash, and
   * anyone with the token can test guesses. Such agents must not send hashes of texts that can be guessed.
   */
  keyedHash(text: string): string
}

/** Argument of `collect`. */
export interface CollectContext {
  /** Aborts at the collector's timeout and when the agent stops. */
  readonly signal: AbortSignal
  /**
   * True to return everything, including what has not changed since the last run: for `collectMetrics`, or because a
   * report was lost. A collector that always returns everything can ignore it. @default false
   */
  readonly fullSnapshot?: boolean
  now(): Date
  /**
   * Keeps a reading for the collector's next run and returns the previous one, to compute a rate or a change. Core
   * discards the readings of runs that fail or whose output was dropped. Do not modify a reading after keeping it.
   */
  swapState<Reading>(reading: Reading): Reading | undefined
}

/** Argument of `watch`. */
export interface WatchContext {
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal
  now(): Date
  /** Sends signals at once. To report a gap, reject. */
  emit(signals: Omit<Signals, 'gaps'>): void
  /** The last saved cursor, also of an earlier run of an agent that has a state directory. */
  readonly cursor: string | undefined
  /**
   * Saves the position in the stream. Call it after `emit`. The agent writes it to its state once everything emitted
   * before is queued on disk. It resolves earlier: after a kill, the watcher emits again what was not queued.
   */
  saveCursor(cursor: string): Promise<void>
  /**
   * Resolves after the duration. Rejects when `signal` aborts. At least 10 s may be up to 2.5 s shorter or longer: all
   * watchers of an agent wake up together, which costs less CPU.
   */
  sleep(duration: Duration): Promise<void>
}
