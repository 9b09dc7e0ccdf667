import type { HeartbeatRequest, Report, Role } from '@rca/core/protocol'
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

/** Where a page ended: the sort key of its last item. */
export type Position = readonly (string | number)[]

/** A part of a long list. `next` is there when more follows. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: Position | undefined
}

export interface PageRequest {
  /** Most items. */
  readonly limit: number
  /** Where the page before ended. */
  readonly after?: Position | undefined
}

/** A token as it is written down: never the token itself. */
export interface NewToken {
  readonly environment: string
  readonly agentType: string
  /** SHA-256, hexadecimal. */
  readonly hash: string
  readonly createdAt: number
}

/** What an environment was provisioned with, without secrets, so that a later rotation can show the command again. */
export interface ProvisionSettings {
  readonly config: Readonly<Record<string, unknown>>
  /** Options that held secrets and are not in `config`. */
  readonly withheld: readonly string[]
}

/** Environments and the tokens that open them. */
export interface AccessStore {
  /** Creates what is missing of environment, provision and token. */
  provision(token: NewToken, settings: ProvisionSettings): Promise<void>
  /** Every token with this hash, valid or not. */
  findToken(hash: string): Promise<StoredToken | undefined>
  /**
   * Adds tokens and lets those that were valid before expire, in one transaction. Returns for each token until when the
   * last one before it is valid: `undefined` where none was.
   */
  rotate(tokens: readonly NewToken[], expireAt: number): Promise<(number | undefined)[]>
  /** Ends tokens at once. Returns how many were still valid. */
  revoke(environment: string, agentType: string | undefined, at: number): Promise<number>
  environments(page: PageRequest): Promise<Page<StoredEnvironment>>
  environment(name: string): Promise<StoredEnvironment | undefined>
  /** Tokens of an environment, newest first. */
  tokens(environment: string): Promise<StoredToken[]>
  settings(environment: string, agentType: string): Promise<ProvisionSettings | undefined>
}

/** What a heartbeat says, as far as it is kept. Times in milliseconds since 1970. */
export interface Heartbeat {
  readonly agentVersion: string
  readonly agentName: string | undefined
  readonly startedAt: number
  readonly intervalSeconds: number | undefined
  readonly replacesAgentId: string | undefined
  readonly collectors: HeartbeatRequest['collectors']
  readonly outbox: HeartbeatRequest['outbox']
  /** Which process speaks, where several elect the one that reports. */
  readonly instance:
    | {
        readonly id: string
        readonly role: Role
        /** Where it leads: names the time for which it does. */
        readonly leadId: string | undefined
        /** When its next heartbeat is due. */
        readonly intervalSeconds: number
      }
    | undefined
}

/** Which agent speaks, and with which right. */
export interface AgentIdentity {
  readonly environment: string
  readonly agentType: string
  readonly agentId: string
}

/** How connectivity is told from the time of the last call. */
export interface ConnectivityRule {
  readonly now: number
  /** Interval of agents that have none of their own, in seconds. */
  readonly intervalSeconds: number
}

export interface AgentQuery extends PageRequest, ConnectivityRule {
  readonly environment?: string | undefined
  readonly agentType?: string | undefined
  readonly connectivity?: 'pending' | 'online' | 'offline' | undefined
}

/** Agents that have called, and those that are still expected. */
export interface AgentStore {
  heartbeat(agent: AgentIdentity, heartbeat: Heartbeat, tokenId: number, at: number): Promise<void>
  list(query: AgentQuery): Promise<Page<ListedAgent>>
  /** Every agent with this id: one per environment and type. */
  find(agentId: string, environment?: string, agentType?: string): Promise<StoredAgent[]>
  /** What instances of the agents last said, the leader first, by the key of the agent. */
  instances(keys: readonly number[]): Promise<Map<number, StoredInstance[]>>
  /** What the agents cannot see at the moment, by the key of the agent. */
  openGaps(keys: readonly number[]): Promise<Map<number, StoredGap[]>>
}

/** Which of the reports were new. */
export interface WriteOutcome {
  readonly accepted: number
  readonly duplicates: number
}

/** What agents saw. */
export interface SignalStore {
  /** Writes a batch in one transaction: all of it or nothing. A report that is already there is skipped. */
  write(environment: string, agentType: string, reports: readonly Report[], receivedAt: number): Promise<WriteOutcome>
  entities(query: EntityQuery): Promise<Page<StoredEntity>>
  series(query: SeriesQuery): Promise<Page<StoredSeries>>
  /** Points of these series, one value a bucket, in order of series and time. */
  points(query: PointQuery): Promise<Bucket[]>
  events(query: EventQuery): Promise<Page<StoredEvent>>
  gaps(agentKey: number, openOnly: boolean, page: PageRequest): Promise<Page<StoredGap>>
}

/** What retention took away. */
export interface RetentionOutcome {
  readonly points: number
  readonly series: number
  readonly events: number
  readonly entities: number
  readonly reports: number
  readonly agents: number
}

/** Everything the platform remembers. Times are milliseconds since 1970 and are always given by the caller. */
export interface Store {
  readonly access: AccessStore
  readonly agents: AgentStore
  readonly signals: SignalStore
  /** Removes what is older than `before`, and instances that are silent `now`, in small steps, so that reports can be taken in between. */
  retain(before: number, now: number): Promise<RetentionOutcome>
  /** Rejects when the store cannot be used. */
  ping(): Promise<void>
  /** Waits for what is running. Idempotent. */
  close(): Promise<void>
}
