import { count, fields, number, text } from '../fields.ts'
import { type Condition, conditionsOf, type Metadata, metadataOf } from '../metadata.ts'

/** A HorizontalPodAutoscaler. Its metrics are left out: each version writes them in another way. */
export interface Autoscaler extends Metadata {
  readonly target: { readonly kind: string; readonly name: string }
  readonly min: number
  readonly max: number
  readonly current: number
  readonly desired: number
  readonly lastScaledAt: string | undefined
  /** Empty in `autoscaling/v1`, which has none. */
  readonly conditions: readonly Condition[]
}

/** @throws Error when it has no name or uid. */
export function projectAutoscaler(raw: unknown): Autoscaler {
  const spec = fields(fields(raw).spec)
  const status = fields(fields(raw).status)
  const { kind, name } = fields(spec.scaleTargetRef)
  return {
    ...metadataOf(raw),
    target: { kind: text(kind) ?? '', name: text(name) ?? '' },
    min: number(spec.minReplicas) ?? 1,
    max: count(spec.maxReplicas),
    current: count(status.currentReplicas),
    desired: count(status.desiredReplicas),
    lastScaledAt: text(status.lastScaleTime),
    conditions: conditionsOf(status),
  }
}
