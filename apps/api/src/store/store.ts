import type { HeartbeatRequest, Report, Role } from '@rca/core/protocol'
import type { Page, PageRequest } from './page.ts'
import type { EntityQuery, EventQuery, PointQuery, SeriesQuery } from './queries.ts'
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
export interface NewToken {
  readonly environment: string
  readonly agentType: string
  /** SHA-256, hexadecimal. */
  readonly hash: string
  readonly createdAt: number
}

/** Configuration of a provisioned agent without secrets, so that a rotation can recreate the command. */
export interface ProvisionSettings {
  readonly config: Readonly<Record<string, unknown>>
  /** Names of the options that contained secrets and were removed from `config`. */
  readonly withheld: readonly string[]
}

/** Stores environments and their tokens. */
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

/** The stored fields of a heartbeat. Times in milliseconds since 1970. */
export interface Heartbeat {
  readonly agentVersion: string
  readonly agentName: string | undefined
  readonly startedAt: number
  readonly intervalSeconds: number | undefined
  readonly replacesAgentId: string | undefined
  readonly collectors: HeartbeatRequest['collectors']
  readonly outbox: HeartbeatRequest['outbox']
  /** The sending replica, where replicas elect a leader. */
  readonly instance:
    | {
        readonly id: string
        readonly role: Role
        /** Id of the leader term (`lead_id`), only of a leader. */
        readonly termId: string | undefined
        /** Time until its next heartbeat. */
        readonly intervalSeconds: number
      }
    | undefined
}

export interface AgentIdentity {
  readonly environment: string
  readonly agentType: string
  readonly agentId: string
}

export const CONNECTIVITY = ['pending', 'online', 'offline'] as const

/** An agent is offline after this many of its heartbeat intervals without a call. */
export const OFFLINE_AFTER_INTERVALS = 3

export function isOnline(lastSeenAt: number, intervalSeconds: number, now: number): boolean {
  return lastSeenAt + OFFLINE_AFTER_INTERVALS * 1000 * intervalSeconds >= now
}

export interface AgentQuery extends PageRequest {
  readonly environment?: string | undefined
  readonly agentType?: string | undefined
  readonly connectivity?: (typeof CONNECTIVITY)[number] | undefined
  readonly now: number
  /** Interval of agents without one of their own. */
  readonly intervalSeconds: number
}

/** Stores agents that have called, and lists placeholders for provisioned agents that have not. */
export interface AgentStore {
  heartbeat(agent: AgentIdentity, heartbeat: Heartbeat, tokenId: number, at: number): Promise<void>
  list(query: AgentQuery): Promise<Page<ListedAgent>>
  /** Returns every agent with this id, at most one per environment and type. */
  find(agentId: string, environment?: string, agentType?: string): Promise<StoredAgent[]>
  /** Returns the instances of agents by the agent's key, the leader first. */
  instances(keys: readonly number[]): Promise<Map<number, StoredInstance[]>>
  /** Returns the open gaps of agents by the agent's key. */
  openGaps(keys: readonly number[]): Promise<Map<number, StoredGap[]>>
}

export interface WriteOutcome {
  readonly accepted: number
  readonly duplicates: number
}

/** Stores the signals of agents. */
export interface SignalStore {
  /** Writes a batch in one transaction, skipping reports that are stored already. */
  write(environment: string, agentType: string, reports: readonly Report[], receivedAt: number): Promise<WriteOutcome>
  entities(query: EntityQuery): Promise<Page<StoredEntity>>
  series(query: SeriesQuery): Promise<Page<StoredSeries>>
  /** Returns the points of series, one value per bucket, sorted by series and time. */
  points(query: PointQuery): Promise<Bucket[]>
  events(query: EventQuery): Promise<Page<StoredEvent>>
  gaps(agentKey: number, openOnly: boolean, page: PageRequest): Promise<Page<StoredGap>>
}

/** Number of rows that the retention removed. */
export interface RetentionOutcome {
  readonly points: number
  readonly series: number
  readonly events: number
  readonly entities: number
  readonly reports: number
  readonly agents: number
}

/** The platform's data. Times are milliseconds since 1970; the caller provides the current time. */
export interface Store {
  readonly access: AccessStore
  readonly agents: AgentStore
  readonly signals: SignalStore
  /**
   * Removes data from before `before`, and instances that are silent `now`, in small steps between which requests are
   * served.
   */
  retain(before: number, now: number): Promise<RetentionOutcome>
  /** Rejects when the store cannot be used. */
  ping(): Promise<void>
  /** Waits for running queries. Idempotent. */
  close(): Promise<void>
}
