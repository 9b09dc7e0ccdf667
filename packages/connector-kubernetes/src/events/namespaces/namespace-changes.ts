import type { Event } from '@rca/core/connector'
import { transitions } from '../../changes/differences.ts'
import { authorAttributes, byAuthor, changeAuthor, changedAt, creator } from '../../changes/field-manager.ts'
import type { CachedKind, Cluster } from '../../kinds/index.ts'
import type { Manager } from '../../kinds/metadata.ts'
import type { Namespace } from '../../kinds/namespace/namespace.ts'
import type { Quantities } from '../../kinds/quantity.ts'
import { namedId, namedReference } from '../../kinds/references.ts'
import type { ResourceQuota } from '../../kinds/resource-quota/resource-quota.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { createLifecycle, creationOf, deletionOf } from '../created-deleted.ts'
import { signals } from './signals.ts'

/** Kinds whose objects are counted in a deleted namespace. */
const COUNTED_KINDS = [
  'pods',
  'deployments',
  'statefulSets',
  'daemonSets',
  'cronJobs',
  'jobs',
  'services',
  'ingresses',
  'configMaps',
  'secrets',
  'persistentVolumeClaims',
] as const satisfies readonly CachedKind[]

/** Emits created and deleted namespaces, and changes of their quotas. */
export const namespaceChanges = watchCluster((client, context) => {
  const { emit, now } = context
  const lifecycle = createLifecycle(client, context)
  /** Uid → objects in a namespace at the beginning of its deletion. */
  const ending = new Map<string, readonly string[]>()
  return (change) => {
    if (change.kind === 'namespaces') {
      const creation = creationOf<Namespace>(change, now())
      if (creation !== undefined) emit(created(creation.object, creation.at))
      const deletion = deletionOf<Namespace>(change, now())
      const { uid } = change.type === 'deleted' ? change.old : change.object
      if (deletion !== undefined) {
        ending.set(uid, objectsIn(deletion.object, client.cluster))
        emit(ended(deletion.object, deletion.at, ending.get(uid) ?? [], 'terminating'))
      }
      if (change.type !== 'deleted') return
      emit(ended(change.object ?? change.old, now(), ending.get(uid) ?? [], 'deleted'))
      ending.delete(uid)
    } else if (change.kind === 'resourceQuotas') {
      const creation = change.type === 'added' && !change.isInitial ? change.object : undefined
      if (creation !== undefined)
        emit(quotaChanged(creation, 'created', {}, creation.wanted, creator(creation.managers), now()))
      const deletion = deletionOf<ResourceQuota>(change, now())
      if (deletion !== undefined) {
        const event = quotaChanged(deletion.object, 'deleted', deletion.object.wanted, {}, undefined, deletion.at)
        if (event !== undefined) lifecycle.deleted('ResourceQuota', deletion.object, event)
      } else if (change.type === 'changed') {
        const { object, old } = change
        const writer = changeAuthor(object.managers, old.managers, ['spec'])
        emit(quotaChanged(object, object.resourceVersion, old.wanted, object.wanted, writer, now()))
      }
    }
  }
})

function created({ uid, name }: Namespace, at: Date): Event {
  return signals.namespaceCreated.event({
    id: `k8s/${uid}/created`,
    at,
    entity: namedReference('Namespace', { namespace: '', name }),
    body: `Namespace ${name} was created`,
    attributes: { 'k8s.namespace.name': name },
  })
}

function ended({ uid, name }: Namespace, at: Date, objects: readonly string[], step: 'terminating' | 'deleted'): Event {
  const isDeleted = step === 'deleted'
  const definition = isDeleted ? signals.namespaceDeleted : signals.namespaceTerminating
  return definition.event({
    id: `k8s/${uid}/${step}`,
    at,
    entity: namedReference('Namespace', { namespace: '', name }),
    body: `Namespace ${name} ${isDeleted ? 'was deleted' : 'is being deleted'}${objects.length === 0 ? '' : ` with ${objects.join(', ')}`}`,
    attributes: { 'k8s.namespace.name': name, 'k8s.namespace.objects': objects.length === 0 ? undefined : objects },
  })
}

/** `pods: 12`, for each kind that has objects. */
function objectsIn({ name }: Namespace, cluster: Pick<Cluster, 'objects'>): readonly string[] {
  return COUNTED_KINDS.flatMap((kind) => {
    let count = 0
    for (const { namespace } of cluster.objects(kind).values()) if (namespace === name) count += 1
    return count === 0 ? [] : [`${kind}: ${count}`]
  })
}

/** @param step version of the quota, `created` or `deleted` */
function quotaChanged(
  quota: ResourceQuota,
  step: string,
  before: Quantities,
  after: Quantities,
  writer: Manager | undefined,
  now: Date,
): Event | undefined {
  const limits = transitions(before, after)
  if (limits.length === 0) return undefined
  return signals.quotaChanged.event({
    id: `k8s/${quota.uid}/${step}/limits`,
    at: changedAt(writer, now),
    entity: namedReference('ResourceQuota', quota),
    body: `ResourceQuota ${namedId(quota)} was changed${byAuthor(writer)}: ${limits.join('; ')}`,
    attributes: {
      ...authorAttributes(writer),
      'k8s.namespace.name': quota.namespace,
      'k8s.resourcequota.name': quota.name,
      'change.limits': limits,
    },
  })
}
