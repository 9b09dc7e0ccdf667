import { type Fields, fields, list, present, text, texts } from '../fields.ts'
import { share } from '../intern.ts'
import { conditionsOf, type Manager, type Metadata, managersOf, metadataOf } from '../metadata.ts'
import { type Quantities, quantities } from '../quantity.ts'

/** A namespace. Its finalizers are those of its metadata and those of its specification: it goes when all have done their work. */
export interface Namespace extends Metadata {
  /** `Active` or `Terminating`. */
  readonly phase: string | undefined
  /** While it is being deleted: what is left to do, as `NamespaceContentRemaining: …`. Unredacted. */
  readonly remains: readonly string[]
}

/** @throws Error when it has no name or uid. */
export function projectNamespace(raw: unknown): Namespace {
  const status = fields(fields(raw).status)
  const metadata = metadataOf(raw)
  return {
    ...metadata,
    finalizers: finalizersOf(metadata, fields(fields(raw).spec)),
    phase: text(status.phase),
    remains: remainsOf(status),
  }
}

/** Without the one that every namespace has: its controller says in conditions what it waits for. */
function finalizersOf({ finalizers }: Metadata, spec: Fields): readonly string[] {
  const others = texts(spec.finalizers).filter((finalizer) => finalizer !== 'kubernetes')
  return others.length === 0 ? finalizers : share(present([...finalizers, ...others]))
}

/** Its controller has conditions for deletion alone, each of which is true as long as something is left. */
function remainsOf(status: Fields): readonly string[] {
  const open = conditionsOf(status).filter(({ type, status }) => type.startsWith('Namespace') && status === 'True')
  return open.map(({ type, message }) => (message === undefined ? type : `${type}: ${message}`))
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
