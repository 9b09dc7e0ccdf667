import { entity } from '@rca/core/connector'
import { commonAttributes, namespaced, namespaceRelation, ownedByNamespace, upDownCounter } from '../common-signals.ts'
import { fields, partsOf, text, texts } from '../fields.ts'
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

export function projectClaim(raw: unknown): Claim {
  const { spec, status } = partsOf(raw)
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
      ...namespaced('persistentvolumeclaim'),
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

export const claims = kindCollector('persistentVolumeClaims', {
  type: claimSignals.claim.type,
  interval: '60s',
  entity: (claim: Claim, allowsLabel) =>
    claimSignals.claim.entity({
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
  metrics: ({ requested, capacity }, entity) => [
    claimSignals.claimRequested.point(requested, entity),
    claimSignals.claimCapacity.point(capacity, entity),
  ],
})
