import { fields, text, texts } from '../fields.ts'
import { type Metadata, metadataOf } from '../metadata.ts'
import { quantity } from '../quantity.ts'

/** A PersistentVolumeClaim. */
export interface Claim extends Metadata {
  /** `Pending`, `Bound` or `Lost`. */
  readonly phase: string | undefined
  readonly storageClass: string | undefined
  readonly volume: string | undefined
  readonly accessModes: readonly string[]
  /** Bytes. */
  readonly requested: number | undefined
  readonly capacity: number | undefined
}

/** @throws Error when it has no name or uid. */
export function projectClaim(raw: unknown): Claim {
  const spec = fields(fields(raw).spec)
  const status = fields(fields(raw).status)
  return {
    ...metadataOf(raw),
    phase: text(status.phase),
    storageClass: text(spec.storageClassName),
    volume: text(spec.volumeName),
    accessModes: texts(spec.accessModes),
    requested: quantity(fields(fields(spec.resources).requests).storage),
    capacity: quantity(fields(status.capacity).storage),
  }
}
