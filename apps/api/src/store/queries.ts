import type { EntityReference, Severity } from '@rca/core/protocol'
import type { PageRequest } from './page.ts'

/** Combine the values of one bucket. `rate` is the increase of a counter per second, accounting for resets. */
export const AGGREGATES = ['avg', 'min', 'max', 'last', 'sum', 'rate'] as const
export type Aggregate = (typeof AGGREGATES)[number]

export interface EntityQuery extends PageRequest {
  readonly agentKey: number
  readonly type?: string | undefined
  readonly includeDeleted: boolean
}

export interface SeriesQuery extends PageRequest {
  readonly environment?: string | undefined
  readonly agentId?: string | undefined
  readonly agentType?: string | undefined
  readonly agentKey?: number | undefined
  readonly name?: string | undefined
  readonly entity?: Partial<EntityReference> | undefined
  /** Attributes by name. Values are compared as text. */
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** Selects series with a point at or after this time. */
  readonly since?: number | undefined
}

export interface PointQuery {
  readonly seriesIds: readonly number[]
  /** Inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  /** Length of a bucket in milliseconds. Buckets start at multiples of it since 1970. */
  readonly step: number
  readonly aggregate: Aggregate
}

export interface EventQuery extends PageRequest {
  readonly environment?: string | undefined
  readonly agentId?: string | undefined
  readonly agentType?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Minimum severity. */
  readonly severity?: Severity | undefined
  readonly name?: string | undefined
  readonly entity?: Partial<EntityReference> | undefined
}
