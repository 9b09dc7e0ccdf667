import type { HeartbeatRequest, Report, Severity } from '@rca/core/protocol'
import type { Page, PageRequest } from './page.ts'
import type {
  Bucket,
  ListedAgent,
  StoredAgent,
  StoredEntity,
  StoredEnvironment,
  StoredEvent,
  StoredGap,
  StoredInstance,
  StoredSeries,
  StoredToken,
} from './records.ts'

/** A token in stored form, without the token itself. */
export type NewToken = Pick<StoredToken, 'environment' | 'agent_type' | 'hash' | 'created_at'>

/** Configuration of a provisioned agent without secrets, so that a rotation can recreate the command. */
export interface ProvisionSettings {
  readonly config: Readonly<Record<string, unknown>>
  /** Names of the options that contained secrets and were removed from `config`. */
  readonly withheld: readonly string[]
}

export interface AccessStore {
  /** Creates the environment and the provision if they are missing, and adds the token. */
  provision(token: NewToken, settings: ProvisionSettings): Promise<void>
  /** Finds a token by its hash, valid or not. */
  findToken(hash: string): Promise<StoredToken | undefined>
  /**
   * Adds tokens and lets the tokens before them expire, in one transaction. Returns for each token when the last token
   * before it expires, `undefined` when none was valid.
   */
  rotate(tokens: readonly NewToken[], expireAt: number): Promise<(number | undefined)[]>
  /** Revokes tokens. Returns how many were valid. */
  revoke(environment: string, agentType: string | undefined, at: number): Promise<number>
  environments(page: PageRequest): Promise<Page<StoredEnvironment>>
  environment(name: string): Promise<StoredEnvironment | undefined>
  /** Returns the tokens of an environment, newest first. */
  tokens(environment: string): Promise<StoredToken[]>
  settings(environment: string, agentType: string): Promise<ProvisionSettings | undefined>
}

export const CONNECTIVITY = ['pending', 'online', 'offline'] as const

/** An agent is offline after this many of its heartbeat intervals without a call. */
export const OFFLINE_AFTER_INTERVALS = 3

export function isOnline(lastSeenAt: number, intervalSeconds: number, now: number): boolean {
  return lastSeenAt + OFFLINE_AFTER_INTERVALS * 1000 * intervalSeconds >= now
}

/** Selects agents by the fields that are given. */
export interface AgentFilter {
  readonly environment?: string | undefined
  readonly agent_type?: string | undefined
}

export interface AgentListFilter extends AgentFilter {
  readonly connectivity?: (typeof CONNECTIVITY)[number] | undefined
  readonly now: number
  /** Interval of agents without one of their own. */
  readonly intervalSeconds: number
}

/** Stores agents that have called, and lists placeholders for provisioned agents that have not. */
export interface AgentStore {
  /** Stores a heartbeat. `intervalSeconds` is the interval of agents without one of their own. */
  heartbeat(
    token: Pick<StoredToken, 'id' | 'environment' | 'agent_type'>,
    heartbeat: HeartbeatRequest,
    intervalSeconds: number,
    at: number,
  ): Promise<void>
  list(filter: AgentListFilter, page: PageRequest): Promise<Page<ListedAgent>>
  /** Returns every agent with this id, at most one per environment and type. */
  find(agentId: string, filter: AgentFilter): Promise<StoredAgent[]>
  /** Returns the instances of agents by the agent's key, the leader first. */
  instances(keys: readonly number[]): Promise<Map<number, StoredInstance[]>>
  openGaps(keys: readonly number[]): Promise<Map<number, StoredGap[]>>
}

export interface EntityFilter {
  readonly type?: string | undefined
  readonly includeDeleted: boolean
}

interface SignalFilter extends AgentFilter {
  readonly agent_id?: string | undefined
  readonly name?: string | undefined
  readonly entity_type?: string | undefined
  readonly entity_id?: string | undefined
}

export interface SeriesFilter extends SignalFilter {
  readonly agent_key?: number
  /** Attributes by name. Values are compared as text. */
  readonly attributes?: Readonly<Record<string, string>>
  /** Selects series with a point at or after this time. */
  readonly since?: number
}

export interface EventFilter extends SignalFilter {
  /** Inclusive. */
  readonly from?: number | undefined
  /** Exclusive. */
  readonly to?: number | undefined
  /** Minimum severity. */
  readonly severity?: Severity | undefined
}

/** Combine the values of one bucket. `rate` is the increase of a counter per second, accounting for resets. */
export const AGGREGATES = ['avg', 'min', 'max', 'last', 'sum', 'rate'] as const

export interface PointQuery {
  readonly seriesIds: readonly number[]
  /** Inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  /** Length of a bucket in milliseconds. Buckets start at multiples of it since 1970. */
  readonly step: number
  readonly aggregate: (typeof AGGREGATES)[number]
}

export interface WriteOutcome {
  readonly accepted: number
  readonly duplicates: number
}

export interface SignalStore {
  /** Writes a batch in one transaction, skipping reports that are stored already. */
  write(environment: string, agentType: string, reports: readonly Report[], receivedAt: number): Promise<WriteOutcome>
  entities(agentKey: number, filter: EntityFilter, page: PageRequest): Promise<Page<StoredEntity>>
  series(filter: SeriesFilter, page: PageRequest): Promise<Page<StoredSeries>>
  /** Returns the points of series, one value per bucket, sorted by series and time. */
  points(query: PointQuery): Promise<Bucket[]>
  events(filter: EventFilter, page: PageRequest): Promise<Page<StoredEvent>>
  gaps(agentKey: number, openOnly: boolean, page: PageRequest): Promise<Page<StoredGap>>
}

/** Number of rows that the retention removed, by table. */
export type RetentionOutcome = Readonly<
  Record<'points' | 'series' | 'events' | 'entities' | 'reports' | 'agents', number>
>

/** The platform's data. Times are milliseconds since 1970; the caller provides the current time. */
export interface Store {
  readonly access: AccessStore
  readonly agents: AgentStore
  readonly signals: SignalStore
  /** Removes data from before `before` and instances silent `now`, in small steps between which requests are served. */
  retain(before: number, now: number): Promise<RetentionOutcome>
  /** Rejects when the store cannot be used. */
  ping(): Promise<void>
  /** Waits for running queries. Idempotent. */
  close(): Promise<void>
}
