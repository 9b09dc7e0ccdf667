import { count, fields, record } from '../fields.ts'
import { type Metadata, metadataOf } from '../metadata.ts'

/** A PodDisruptionBudget: how many pods may be away at once. */
export interface DisruptionBudget extends Metadata {
  readonly selector: Readonly<Record<string, string>>
  readonly allowed: number
  readonly healthy: number
  readonly desiredHealthy: number
  readonly expected: number
}

/** @throws Error when it has no name or uid. */
export function projectDisruptionBudget(raw: unknown): DisruptionBudget {
  const status = fields(fields(raw).status)
  return {
    ...metadataOf(raw),
    selector: record(fields(fields(fields(raw).spec).selector).matchLabels),
    allowed: count(status.disruptionsAllowed),
    healthy: count(status.currentHealthy),
    desiredHealthy: count(status.desiredHealthy),
    expected: count(status.expectedPods),
  }
}
