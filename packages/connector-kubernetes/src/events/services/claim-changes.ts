import { watchCluster } from '../cluster-watcher.ts'
import { occurrence } from '../occurrence.ts'
import { signals } from './signals.ts'

/** Emits claims that are bound to their volume or lose it. */
export const claimChanges = watchCluster((_client, { now, emit }) => (change) => {
  if (change.kind !== 'persistentVolumeClaims' || change.type !== 'changed') return
  const { object, old } = change
  if (object.phase === old.phase || (object.phase !== 'Bound' && object.phase !== 'Lost')) return
  const isLost = object.phase === 'Lost'
  const definition = isLost ? signals.claimLost : signals.claimBound
  const volume = object.volume === undefined ? '' : ` ${object.volume}`
  emit(
    definition.event({
      ...occurrence('PersistentVolumeClaim', object, {
        id: `${object.resourceVersion}/${object.phase}`,
        at: now(),
        what: `${isLost ? 'has lost its' : 'is bound to'} volume${volume}`,
      }),
      attributes: {
        'k8s.namespace.name': object.namespace,
        'k8s.persistentvolumeclaim.name': object.name,
        'k8s.persistentvolume.name': object.volume,
        'k8s.storageclass.name': object.storageClass,
      },
    }),
  )
})
