import { fields, list, text } from './lenient.ts'
import { type Manager, type Metadata, managersOf, metadataOf } from './metadata.ts'
import { type Quantities, quantities } from './quantity.ts'

export interface Namespace extends Metadata {
  /** `Active` or `Terminating`. */
  readonly phase: string | undefined
}

/** @throws Error when it has no name or uid. */
export function projectNamespace(raw: unknown): Namespace {
  return { ...metadataOf(raw), phase: text(fields(fields(raw).status).phase) }
}

export interface ResourceQuota extends Metadata {
  /** Name → most that may be used: `requests.cpu`, `pods`, … */
  readonly hard: Quantities
  readonly used: Quantities
  /** As its author wants it; `hard` follows once it is acted upon. */
  readonly wanted: Quantities
  readonly managers: readonly Manager[]
}

/** @throws Error when it has no name or uid. */
export function projectResourceQuota(raw: unknown): ResourceQuota {
  const { hard, used } = fields(fields(raw).status)
  const wanted = quantities(fields(fields(raw).spec).hard)
  return {
    ...metadataOf(raw),
    hard: hard === undefined ? wanted : quantities(hard),
    used: quantities(used),
    wanted,
    managers: managersOf(raw),
  }
}

/** Bounds for each thing of a type. */
export interface Limit {
  /** `Container`, `Pod` or `PersistentVolumeClaim`. */
  readonly type: string
  readonly min: Quantities
  readonly max: Quantities
  /** Limits of what sets none. */
  readonly defaults: Quantities
  /** Requests of what sets none. */
  readonly defaultRequests: Quantities
}

export interface LimitRange extends Metadata {
  readonly limits: readonly Limit[]
}

/** @throws Error when it has no name or uid. */
export function projectLimitRange(raw: unknown): LimitRange {
  return {
    ...metadataOf(raw),
    limits: list(fields(fields(raw).spec).limits).map((limit) => ({
      type: text(limit.type) ?? '',
      min: quantities(limit.min),
      max: quantities(limit.max),
      defaults: quantities(limit.default),
      defaultRequests: quantities(limit.defaultRequest),
    })),
  }
}
