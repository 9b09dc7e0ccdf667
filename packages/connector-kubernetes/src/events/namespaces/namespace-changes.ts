import type { Event } from '@rca/core/connector'
import { listAttribute, transitions } from '../../changes/differences.ts'
import { authorAttributes, byAuthor, changeAuthor, changedAt, creator } from '../../changes/field-manager.ts'
import type { CachedKind, Cluster } from '../../kinds/index.ts'
import type { Manager } from '../../kinds/metadata.ts'
import type { Namespace } from '../../kinds/namespace/namespace.ts'
import { type Quantities, quantityTexts } from '../../kinds/quantity.ts'
import type { ResourceQuota } from '../../kinds/resource-quota/resource-quota.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { createLifecycle, creationOf, deletionOf, type ObjectMoment } from '../created-deleted.ts'
import { occurrence } from '../occurrence.ts'
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
  const lifecycle = createLifecycle<ResourceQuota>(client, context)
  /** Uid → objects in a namespace at the beginning of its deletion. */
  const ending = new Map<string, readonly string[]>()
  return (change) => {
    if (change.kind === 'namespaces') {
      const creation = creationOf<Namespace>(change, now())
      if (creation !== undefined) emit(created(creation))
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
      const creation =
        change.type === 'added' && change.isInitial ? undefined : creationOf<ResourceQuota>(change, now())
      if (creation !== undefined) {
        const { object, at } = creation
        const moment = { id: 'created', verb: 'created', at }
        const event = quotaChanged(object, {}, object.wanted, creator(object.managers), moment)
        lifecycle.created('ResourceQuota', object, event, (old) =>
          quotaChanged(object, old.wanted, object.wanted, creator(object.managers), {
            ...moment,
            verb: 'deleted and replaced',
          }),
        )
      }
      const deletion = deletionOf<ResourceQuota>(change, now())
      if (deletion !== undefined) {
        const { object, at } = deletion
        const moment = { id: 'deleted', verb: 'deleted', at }
        lifecycle.deleted('ResourceQuota', object, quotaChanged(object, object.wanted, {}, undefined, moment))
      } else if (change.type === 'changed' && !isEqual(change.old.wanted, change.object.wanted)) {
        const { object, old } = change
        const writer = changeAuthor(object.managers, old.managers, ['spec'])
        const moment = { id: object.resourceVersion, verb: 'changed', at: changedAt(writer, now()) }
        emit(quotaChanged(object, old.wanted, object.wanted, writer, moment))
      }
    }
  }
})

function created({ object, at }: ObjectMoment<Namespace>): Event {
  return signals.namespaceCreated.event({
    ...occurrence('Namespace', object, { id: 'created', at, what: 'was created' }),
    attributes: { 'k8s.namespace.name': object.name },
  })
}

function ended(object: Namespace, at: Date, objects: readonly string[], id: 'terminating' | 'deleted'): Event {
  const definition = id === 'deleted' ? signals.namespaceDeleted : signals.namespaceTerminating
  const verb = id === 'deleted' ? 'was deleted' : 'is being deleted'
  const what = objects.length === 0 ? verb : `${verb} with ${objects.join(', ')}`
  return definition.event({
    ...occurrence('Namespace', object, { id, at, what }),
    attributes: { 'k8s.namespace.name': object.name, 'k8s.namespace.objects': listAttribute(objects) },
  })
}

/** `pods: 12`, for each kind that has objects. */
function objectsIn({ name }: Namespace, cluster: Cluster): readonly string[] {
  return COUNTED_KINDS.flatMap((kind) => {
    let count = 0
    for (const { namespace } of cluster.objects(kind).values()) if (namespace === name) count += 1
    return count === 0 ? [] : [`${kind}: ${count}`]
  })
}

function isEqual(before: Quantities, after: Quantities): boolean {
  return transitions(before, after).length === 0
}

/** @param moment with the id and the verb of the change, such as `created` */
function quotaChanged(
  quota: ResourceQuota,
  before: Quantities,
  after: Quantities,
  writer: Manager | undefined,
  { id, verb, at }: { readonly id: string; readonly verb: string; readonly at: Date },
): Event {
  const limits = transitions(quantityTexts(before), quantityTexts(after))
  // A created or deleted quota has one side only.
  const amounts = verb === 'created' ? after : verb === 'deleted' ? before : undefined
  const shown = amounts && Object.entries(quantityTexts(amounts)).map(([name, amount]) => `${name}: ${amount}`)
  const scopes = quota.scopes.length === 0 ? '' : `, for pods of ${quota.scopes.join(' and ')}`
  const details = (shown ?? limits).join('; ')
  return signals.quotaChanged.event({
    ...occurrence('ResourceQuota', quota, {
      id: `${id}/limits`,
      at,
      what: `was ${verb}${byAuthor(writer)}${scopes}${details === '' ? '' : `: ${details}`}`,
    }),
    attributes: {
      ...authorAttributes(writer),
      'k8s.namespace.name': quota.namespace,
      'k8s.resourcequota.name': quota.name,
      'k8s.resourcequota.scopes': quota.scopes.length === 0 ? undefined : quota.scopes,
      'change.limits': listAttribute(limits),
    },
  })
}
