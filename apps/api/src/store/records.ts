import type {
  Attributes,
  CollectorStatus,
  ConnectorOrigin,
  HeartbeatRequest,
  MetricKind,
  Relation,
  Role,
  Severity,
} from '@rca/core/protocol'
import type { Selectable } from 'kysely'
import type { Tables } from './sqlite/tables.ts'

/** A row as the routes read it. Times are milliseconds since 1970. */
type Row<Table extends keyof Tables> = Readonly<Selectable<Tables[Table]>>

/** A row some of whose columns are parsed. */
type Parsed<Table extends keyof Tables, Columns> = Omit<Row<Table>, keyof Columns> & Readonly<Columns>

export type AgentIdentity = Pick<Row<'agents'>, 'environment' | 'agent_type' | 'agent_id'>

export type StoredToken = Row<'tokens'>

export type StoredKey = Row<'agent_keys'>

/** The rights of a token of a person or program. */
export const SCOPES = ['read', 'provision', 'manage'] as const

export type Scope = (typeof SCOPES)[number]

/** The token of a person or program. `environments` is `null` for all. */
export type AccessToken = Parsed<'access_tokens', { scopes: readonly Scope[]; environments: readonly string[] | null }>

/** The results of a request: a change was made, a request was refused, or the platform failed. */
export const AUDIT_OUTCOMES = ['done', 'refused', 'failed'] as const

/** The kinds of senders. `unknown` had no valid token. */
export const AUDIT_ACTORS = ['admin', 'access_token', 'agent_token', 'agent_key', 'unknown'] as const

/** A change, or refusals of one sender. */
export type AuditEntry = Parsed<
  'audit',
  { outcome: (typeof AUDIT_OUTCOMES)[number]; actor: (typeof AUDIT_ACTORS)[number] }
>

/** The key of one agent alone, or a token, which several agents may share. */
export type Credential = (StoredToken & { readonly kind: 'token' }) | (StoredKey & { readonly kind: 'key' })

export interface StoredEnvironment extends Row<'environments'> {
  /** Provisioned types, sorted. */
  readonly agent_types: readonly string[]
  /** Number of agents that called and were not removed by the retention. */
  readonly agents: number
}

type Collectors = Readonly<Record<string, CollectorStatus>>

export type StoredAgent = Parsed<
  'agents',
  {
    collectors: Collectors | null
    outbox: HeartbeatRequest['outbox'] | null
    connector: ConnectorOrigin | null
    /** Instances without an election that sent heartbeats, the most recent first. */
    processes: readonly string[]
  }
>

/** A replica of an agent. The elected leader reports. `collectors` is `null` if they were left out. */
export type StoredInstance = Parsed<
  'agent_instances',
  { role: Role; collectors: Collectors | null; connector: ConnectorOrigin | null }
>

/** An agent, or a placeholder for a provisioned agent that never called. */
export type ListedAgent =
  | StoredAgent
  | (Omit<AgentIdentity, 'agent_id'> & { readonly key: 0; readonly agent_id: null; readonly provisioned_at: number })

export type StoredEntity = Parsed<'entities', { attributes: Attributes; relations: readonly Relation[] }>

export type StoredSeries = Parsed<'series', { kind: MetricKind; attributes: Attributes }> &
  AgentIdentity & { readonly last_at: number | null; readonly last_value: number | null }

/** Values of a series, one per bucket of time. The arrays have the same length and are sorted by time. */
export interface BucketValues {
  readonly seriesId: number
  /** Starts of the buckets. */
  readonly at: Float64Array<ArrayBuffer>
  readonly values: Float64Array<ArrayBuffer>
}

/** An event. `steps` is the number of its steps, if they are folded. */
export type StoredEvent = Parsed<'events', { severity: Severity; attributes: Attributes }> &
  AgentIdentity & { readonly steps?: number }

/** A gap. `open` is 1 while the newest report contains it. */
export type StoredGap = Row<'gaps'> & { readonly open: number }

/** The gaps of one scope. `since`, `reason` and `open` are those of the newest. */
export interface FoldedGap extends Pick<StoredGap, 'scope' | 'reason' | 'since' | 'last_reported_at' | 'open'> {
  /** Number of periods. */
  readonly count: number
  /** Duration of all periods, in milliseconds. */
  readonly blind: number
  /** The newest periods, newest first. */
  readonly periods: readonly Pick<StoredGap, 'since' | 'last_reported_at'>[]
}
