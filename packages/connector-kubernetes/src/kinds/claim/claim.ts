import { entity } from '@rca/core/connector'
import {
  common,
  commonAttributes,
  inNamespace,
  namespaceRelation,
  ownedByNamespace,
  upDownCounter,
} from '../common-signals.ts'
import { fields, text, texts } from '../fields.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Metadata, metadataOf } from '../metadata.ts'
import { quantity } from '../quantity.ts'
import { namedId } from '../references.ts'

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

/** @throws Error when the object has no name or UID */
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

export const claimSignals = {
  claim: entity({
    type: 'k8s.persistentvolumeclaim',
    description: 'A PersistentVolumeClaim.',
    attributes: {
      ...common('persistentvolumeclaim'),
      ...inNamespace,
      'k8s.persistentvolumeclaim.phase': '`Pending`, `Bound` or `Lost`.',
      'k8s.storageclass.name': 'Storage class.',
      'k8s.persistentvolume.name': 'Bound volume.',
      'k8s.persistentvolumeclaim.access_modes': 'Access modes, such as `ReadWriteOnce`.',
    },
    relations: ownedByNamespace,
  }),
  claimRequested: upDownCounter('k8s.persistentvolumeclaim.requested', 'By', 'Requested storage of a claim.'),
  claimCapacity: upDownCounter('k8s.persistentvolumeclaim.capacity', 'By', 'Provisioned storage of a claim.'),
}

const signals = claimSignals

export const claims = kindCollector('persistentVolumeClaims', {
  interval: '60s',
  entities: (claim: Claim, allowsLabel) => [
    signals.claim.entity({
      id: namedId(claim),
      name: claim.name,
      attributes: {
        ...commonAttributes('persistentvolumeclaim', claim, allowsLabel),
        'k8s.persistentvolumeclaim.phase': claim.phase,
        'k8s.storageclass.name': claim.storageClass,
        'k8s.persistentvolume.name': claim.volume,
        'k8s.persistentvolumeclaim.access_modes': claim.accessModes,
      },
      relations: [namespaceRelation(claim.namespace)],
    }),
  ],
  metrics: ({ requested, capacity }, entity) => [
    signals.claimRequested.point(requested, entity),
    signals.claimCapacity.point(capacity, entity),
  ],
})
