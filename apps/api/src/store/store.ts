import type { HeartbeatRequest, ReceivedReport, Severity } from '@rca/core/protocol'
import { type CONNECTIVITY, OFFLINE_AFTER_INTERVALS } from './connectivity.ts'
import type { DataFlowColumns } from './data-flow.ts'
import type { DroppedSignals } from './limits.ts'
import type { Page, PageRequest } from './page.ts'
import type { ReadSession } from './read-session.ts'
import type {
  AccessToken,
  AgentIdentity,
  AuditEntry,
  BucketValues,
  Credential,
  FoldedGap,
  ListedAgent,
  StoredAgent,
  StoredEntity,
  StoredEnvironment,
  StoredEvent,
  StoredGap,
  StoredInstance,
  StoredKey,
  StoredSeries,
  StoredToken,
} from './records.ts'
import type { StoreSizes } from './sqlite/storage.ts'

/** A token in stored form, without the token itself. */
export type NewToken = Pick<
  StoredToken,
  'environment' | 'agent_type' | 'hash' | 'created_at' | 'joinable_until' | 'max_agents'
>

/** Configuration of a provisioned agent without secrets, so that a rotation can recreate the command. */
export interface ProvisionSettings {
  readonly config: Readonly<Record<string, unknown>>
  /** Names of the options that contained secrets and were removed from `config`. */
  readonly withheld: readonly string[]
  readonly limits: TokenLimits
}

/** Limits of a new token. `null` for none. */
export interface TokenLimits {
  /** Milliseconds in which new agents may join. */
  readonly ttlMs: number | null
  /** Number of agents that may join. */
  readonly uses: number | null
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
  /** Revokes tokens, and the keys of all agents of the environment and type. Returns how many of each were valid. */
  revoke(
    environment: string,
    agentType: string | undefined,
    at: number,
  ): Promise<{ readonly tokens: number; readonly keys: number }>
  /** Returns environments by name: all, or those with the given names. */
  environments(page: PageRequest, names?: readonly string[]): Promise<Page<StoredEnvironment>>
  environment(name: string): Promise<StoredEnvironment | undefined>
  /** Returns the tokens of an environment, newest first. */
  tokens(environment: string): Promise<(StoredToken & { readonly agents: number })[]>
  settings(environment: string, agentType: string): Promise<ProvisionSettings | undefined>
}

/** A token of a person or program in stored form, without the token itself. */
export type NewAccessToken = Pick<
  AccessToken,
  'name' | 'scopes' | 'environments' | 'hash' | 'created_at' | 'ttl' | 'expires_at'
>

/** Stores tokens of people and programs. Several may have one name: those of a rotation. */
export interface AccessTokenStore {
  /** Adds a token, unless a valid one has this name. Returns whether it was added. */
  add(token: NewAccessToken): Promise<boolean>
  /** Finds a token by its hash, valid or not. */
  find(hash: string): Promise<AccessToken | undefined>
  /** Returns tokens by name, the newest of a name first. */
  list(page: PageRequest): Promise<Page<AccessToken>>
  /**
   * Adds a token with the scopes, environments and lifetime of the newest valid one of its name, which expires at
   * `expireAt` or earlier. Returns the new token, or `undefined` when none was valid.
   */
  rotate(
    successor: Pick<AccessToken, 'name' | 'hash' | 'created_at'>,
    expireAt: number,
  ): Promise<{ readonly token: AccessToken; readonly previousValidUntil: number } | undefined>
  /** Revokes all valid tokens of a name. Returns how many. */
  revoke(name: string, at: number): Promise<number>
  /** Records that a token was used. */
  use(id: number, at: number): Promise<void>
}

export type NewAuditEntry = Omit<AuditEntry, 'id'>

/**
 * Equal refusals are one entry with a count: those of one address and sender with one status, and of a known sender
 * with one action. A sender without a valid token may try any number of actions.
 */
export function foldKey({ address, actor, actor_id, status, action }: NewAuditEntry): string {
  return JSON.stringify([address, actor, actor_id, status, actor === 'unknown' ? '' : action])
}

/** Selects entries of the audit trail by the fields that are given. */
export interface AuditFilter {
  readonly outcome?: AuditEntry['outcome'] | undefined
  readonly actor?: AuditEntry['actor'] | undefined
  readonly address?: string | undefined
  readonly action?: string | undefined
  readonly actor_name?: string | undefined
  readonly environment?: string | readonly string[] | undefined
  /** Inclusive. */
  readonly from?: number | undefined
  /** Exclusive. */
  readonly to?: number | undefined
}

export interface AuditStore {
  /** Adds entries in one transaction. Equal refusals are counted in one entry a day. */
  record(entries: readonly NewAuditEntry[]): Promise<void>
  /** Returns entries, newest first. */
  list(filter: AuditFilter, page: PageRequest, session: ReadSession): Promise<Page<AuditEntry>>
  /** Removes entries from before `before`, and the oldest beyond the limits of the trail. */
  trim(before: number): Promise<void>
}

/**
 * Why an agent may not use a token. `closed`: its lifetime is over. `full`: as many agents joined as may. `crowded`: as
 * many agents used it within a day as may with a token without a number of its own.
 */
export type JoinRefusal = 'closed' | 'full' | 'crowded' | 'revoked'

export interface EnrolmentStore {
  /**
   * Lets agents use a token, and records those that join with it: all of them or none. `replacedId` is the provisional
   * id under which the agent joined before. Returns why they may not use it, `undefined` if they may.
   */
  join(
    token: StoredToken,
    agentIds: readonly string[],
    at: number,
    replacedId?: string,
  ): Promise<JoinRefusal | undefined>
  /** Returns why `join` would refuse an agent. Records nothing. */
  mayJoin(token: StoredToken, agentId: string, at: number): Promise<JoinRefusal | undefined>
  /** Lets an agent join with a token, like `join`, and adds a key of it. */
  enroll(
    token: StoredToken,
    agentId: string,
    key: Pick<StoredKey, 'hash' | 'created_at' | 'expires_at'>,
    replacedId?: string,
  ): Promise<JoinRefusal | undefined>
  /** Finds a key by its hash, valid or not. */
  findKey(hash: string): Promise<StoredKey | undefined>
  /** Records the first use of a key, which ends the key that it replaces. Idempotent. */
  confirmKey(key: StoredKey, at: number): Promise<void>
  /** Adds the successor of a key. Both are valid until the successor is confirmed. Returns false for a revoked key. */
  rotateKey(key: StoredKey, successor: Pick<StoredKey, 'hash' | 'created_at' | 'expires_at'>): Promise<boolean>
  /** Revokes the keys of an agent, and its use of all tokens from before. Returns how many keys were valid. */
  revokeAgent(agent: AgentIdentity, at: number): Promise<number>
  /** Returns every agent with this id that has called or has a key. */
  identities(agentId: string, filter: AgentFilter): Promise<AgentIdentity[]>
}

/** Selects agents by the fields that are given. */
export interface AgentFilter {
  /** One environment, or several: those of a token that is limited to them. */
  readonly environment?: string | readonly string[] | undefined
  readonly agent_type?: string | undefined
}

export interface AgentListFilter extends AgentFilter {
  readonly connectivity?: (typeof CONNECTIVITY)[number] | undefined
  /** Versions of the agents to select. Without it, all. */
  readonly versions?: readonly string[] | undefined
  readonly now: number
  /** Interval of agents without one of their own. */
  readonly intervalSeconds: number
}

/** Findings from a heartbeat. */
export interface HeartbeatOutcome {
  /** Names of the instances that are this agent in turn, without an election. Empty for a single one. */
  readonly clones: readonly string[]
  /** True when the heartbeat is the first that reveals them. */
  readonly isNewClone: boolean
}

/** A cloned agent counts as cloned for this long after its instances last took turns, or for three intervals. */
export const CLONE_TIMEOUT_MS = 3_600_000

export function isCloned(clonedAt: number | null, intervalSeconds: number, now: number): boolean {
  const timeout = Math.max(CLONE_TIMEOUT_MS, OFFLINE_AFTER_INTERVALS * 1000 * intervalSeconds)
  return clonedAt !== null && clonedAt + timeout > now
}

/** The token or key of a request of agents. */
export type Sender = Pick<Credential, 'kind' | 'id' | 'environment' | 'agent_type' | 'created_at'>

/** Stores agents that have called, and lists placeholders for provisioned agents that have not. */
export interface AgentStore {
  /**
   * Stores a heartbeat. `intervalSeconds` is the interval of agents without one of their own.
   *
   * @throws {RemovedSenderError} when the agent or its environment was removed.
   */
  heartbeat(
    sender: Sender & Pick<Credential, 'expires_at'>,
    heartbeat: HeartbeatRequest,
    intervalSeconds: number,
    at: number,
  ): Promise<HeartbeatOutcome>
  list(filter: AgentListFilter, page: PageRequest, session: ReadSession): Promise<Page<ListedAgent>>
  /** Returns every version that an agent has. */
  versions(): Promise<string[]>
  /** Returns every agent with this id, at most one per environment and type. */
  find(agentId: string, filter: AgentFilter): Promise<StoredAgent[]>
  /** Returns the instances of agents by the agent's key, the leader first. */
  instances(keys: readonly number[], session?: ReadSession): Promise<Map<number, StoredInstance[]>>
  openGaps(keys: readonly number[], session?: ReadSession): Promise<Map<number, StoredGap[]>>
  /** Returns what shows whether data flows, of every agent. */
  dataFlows(): Promise<DataFlowColumns[]>
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
  /** Kubernetes namespace. */
  readonly namespace?: string | undefined
  /** Text in the name, the body or an attribute, in any case. */
  readonly text?: string | undefined
  /** Selects changes: see `isChange` in `read/events.ts`. */
  readonly changes?: boolean | undefined
  /** Entities of the events. */
  readonly entities?: readonly EntityKey[] | undefined
  /** Leaves out the steps of changes, and counts them. */
  readonly fold?: boolean | undefined
  /** Selects the steps of the change with this event id. */
  readonly step_of?: string | undefined
}

/** Identifies an entity as one agent reports it. */
export interface EntityKey {
  readonly agent_key: number
  readonly type: string
  readonly id: string
}

export interface RelatedFilter extends AgentFilter {
  readonly agent_id?: string | undefined
  /** Root of the search. Without it, the entities with all `labels`. */
  readonly entity?: Pick<EntityKey, 'type' | 'id'> | undefined
  readonly labels: readonly (readonly [name: string, value: string])[]
  /** `owned`: all that belongs to the roots. `all`: also what these use, their owners and their users. */
  readonly reach: 'owned' | 'all'
  /** Leaves out entities that were deleted before. */
  readonly since?: number | undefined
}

/** Entities that belong to an incident. */
export interface RelatedEntities {
  readonly entities: readonly EntityKey[]
  /** False if there are more than the limit, or if not all relations were examined. */
  readonly complete: boolean
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
  /** Signals beyond the limits of their agents and environment. */
  readonly dropped: readonly DroppedSignals[]
  /** Hashes of the stored sets of series whose points were sent in full. */
  readonly seriesSets: readonly string[]
}

/** Writes and reads signals. Each reading is part of a question, which ends with the signal of its session. */
export interface SignalStore {
  /**
   * Writes a batch in one transaction, skipping reports that are stored already.
   *
   * @throws {RemovedSenderError} when an agent or its environment was removed.
   * @throws {UnknownSeriesSetError} for values of a set of series that is not cached.
   */
  write(sender: Sender, reports: readonly ReceivedReport[], receivedAt: number): Promise<WriteOutcome>
  entities(agentKey: number, filter: EntityFilter, page: PageRequest, session: ReadSession): Promise<Page<StoredEntity>>
  series(filter: SeriesFilter, page: PageRequest, session: ReadSession): Promise<Page<StoredSeries>>
  /**
   * Returns the values of each series that has any, in parts that follow each other in time.
   *
   * @throws {ReadLimitError} when the query needs more points than the session may read.
   */
  points(query: PointQuery, session: ReadSession): Promise<ReadonlyMap<number, readonly BucketValues[]>>
  events(filter: EventFilter, page: PageRequest, session: ReadSession): Promise<Page<StoredEvent>>
  /** Finds entities by their relations, the nearest first, at most `limit`. */
  related(filter: RelatedFilter, limit: number, session: ReadSession): Promise<RelatedEntities>
  /**
   * Returns one gap per scope: a part that comes and goes is one item. `complete` is false if not all periods were
   * read.
   */
  gaps(
    agentKey: number,
    openOnly: boolean,
    page: PageRequest,
    session: ReadSession,
  ): Promise<Page<FoldedGap> & { readonly complete: boolean }>
}

/** Removes agents and environments. The retention deletes what they sent, which can no longer be read. */
export interface RemovalStore {
  /** Removes an agent, and refuses its keys and its use of all tokens from before. Idempotent. */
  removeAgent(agent: AgentIdentity, at: number): Promise<void>
  /**
   * Removes an environment with its tokens and agents, in small steps. Returns how many agents it had and how many of
   * its tokens were valid, `undefined` if it does not exist.
   */
  removeEnvironment(name: string, at: number): Promise<{ readonly agents: number; readonly tokens: number } | undefined>
}

/** Number of rows that the retention removed, by table. */
export type RetentionOutcome = Readonly<
  Record<'points' | 'series' | 'events' | 'entities' | 'reports' | 'agents', number>
>

/** The platform's data. Times are milliseconds since 1970; the caller provides the current time. */
export interface Store {
  readonly access: AccessStore
  readonly accessTokens: AccessTokenStore
  readonly audit: AuditStore
  readonly enrolment: EnrolmentStore
  readonly removals: RemovalStore
  readonly agents: AgentStore
  readonly signals: SignalStore
  /**
   * Removes data from before `before`, or, if no report came recently, from as long before the newest report. Removes
   * instances silent `now`. Works in small steps, between which requests are served.
   */
  retain(before: number, now: number): Promise<RetentionOutcome>
  /**
   * Packs points that are some hours older than the newest report, which makes them several times as small. Works in
   * small steps until the signal. Returns the number of points.
   */
  pack(now: number, signal: AbortSignal): Promise<number>
  /** Rejects when the store cannot be used, with a `StorageError` for a problem of its files or disk. */
  ping(): Promise<void>
  /** Looks for damage in a thread of its own, until the signal. Returns problems, after which nothing is stored. */
  findDamage(signal: AbortSignal): Promise<readonly string[]>
  sizes(): StoreSizes
  /** Returns when the last request of an agent arrived. */
  lastSeenAt(): Promise<number | undefined>
  /** Waits for running queries. Idempotent. */
  close(): Promise<void>
}
