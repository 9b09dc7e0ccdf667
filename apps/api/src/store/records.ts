import type {
  Attributes,
  CollectorStatus,
  EntityReference,
  HeartbeatRequest,
  MetricKind,
  Relation,
  Role,
  Severity,
} from '@rca/core/protocol'

/** Rows in the form that the routes read. Times are milliseconds since 1970. */
export interface StoredEnvironment {
  readonly name: string
  readonly createdAt: number
  /** Provisioned types, sorted. */
  readonly agentTypes: readonly string[]
  /** Number of agents that called and were not removed by the retention. */
  readonly agents: number
}

export interface StoredToken {
  readonly id: number
  readonly environment: string
  readonly agentType: string
  /** SHA-256, hexadecimal. */
  readonly hash: string
  readonly createdAt: number
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  /** Time of the last heartbeat with the token. */
  readonly lastUsedAt: number | undefined
}

export interface StoredAgent {
  readonly key: number
  readonly environment: string
  readonly agentType: string
  readonly agentId: string
  readonly agentVersion: string
  readonly name: string | undefined
  readonly startedAt: number | undefined
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly lastHeartbeatAt: number | undefined
  readonly lastReportAt: number | undefined
  readonly intervalSeconds: number | undefined
  readonly collectors: Readonly<Record<string, CollectorStatus>> | undefined
  readonly outbox: HeartbeatRequest['outbox'] | undefined
  /** True while only standby instances have called. */
  readonly standingBy: boolean
}

/** A replica of an agent. The elected leader reports. */
export interface StoredInstance {
  readonly instanceId: string
  readonly role: Role
  readonly startedAt: number
  readonly agentVersion: string
  readonly collectors: Readonly<Record<string, CollectorStatus>>
  readonly lastHeartbeatAt: number
  readonly intervalSeconds: number
}

/** An agent, or a placeholder for a provisioned agent that never called. */
export type ListedAgent =
  | StoredAgent
  | {
      readonly key: 0
      readonly environment: string
      readonly agentType: string
      readonly agentId: undefined
      readonly provisionedAt: number
    }

export interface StoredEntity extends EntityReference {
  readonly name: string
  readonly attributes: Attributes
  readonly relations: readonly Relation[]
  readonly firstSeenAt: number
  readonly updatedAt: number
  readonly deletedAt: number | undefined
}

export interface StoredSeries {
  readonly id: number
  readonly environment: string
  readonly agentId: string
  readonly agentType: string
  readonly name: string
  readonly entity: EntityReference
  readonly attributes: Attributes
  readonly unit: string
  readonly kind: MetricKind
  /** The newest point. */
  readonly last: { readonly at: number; readonly value: number } | undefined
}

/** The value of a series in one bucket of time. */
export interface Bucket {
  readonly seriesId: number
  /** Start of the bucket. */
  readonly at: number
  readonly value: number
}

export interface StoredEvent {
  readonly environment: string
  readonly agentId: string
  readonly agentType: string
  readonly eventId: string | undefined
  readonly name: string
  readonly at: number
  readonly severity: Severity
  readonly entity: EntityReference
  readonly body: string
  readonly attributes: Attributes
}

export interface StoredGap {
  readonly scope: string
  readonly reason: string
  readonly since: number
  readonly lastReportedAt: number
  readonly open: boolean
}
