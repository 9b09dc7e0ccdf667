import { signals } from '../../signals.ts'
import { commonAttributes, namespaceRelation } from '../describe-object.ts'
import { kindCollector } from '../kind-collector.ts'
import { namedId } from '../references.ts'

/** Every PersistentVolumeClaim. */
export const claims = kindCollector('persistentVolumeClaims', {
  every: '60s',
  entities: (claim, isWantedLabel) => [
    signals.claim.entity({
      id: namedId(claim),
      name: claim.name,
      attributes: {
        ...commonAttributes('persistentvolumeclaim', claim, isWantedLabel),
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
