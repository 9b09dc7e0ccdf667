import { createEventSampler, type Event, type EventSample } from '@rca/core/connector'
import {
  authorAttributes,
  byAuthor,
  changeAuthor,
  changedAt,
  changedOtherPartsOnly,
  creator,
} from '../../changes/field-manager.ts'
import type { ConfigObject } from '../../kinds/config-object/config-object.ts'
import type { Cluster, ClusterChange } from '../../kinds/index.ts'
import { configNamesOf } from '../../kinds/workload/pod-template.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { createLifecycle, creationOf, deletionOf, type ObjectMoment } from '../created-deleted.ts'
import { occurrence } from '../occurrence.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { workloadKinds } from '../workloads/workload-attributes.ts'
import { isHelmRelease, releaseEvent } from './helm-releases.ts'
import { signals } from './signals.ts'

type ConfigKind = 'ConfigMap' | 'Secret'
type ConfigChange = Extract<ClusterChange, { readonly kind: 'configMaps' | 'secrets' }>

/** Parts of a ConfigMap or Secret except labels and annotations. */
const CONTENT_PARTS = ['data', 'binaryData', 'stringData', 'immutable', 'type']

/** A ConfigMap that every namespace has with the same content. */
const ROOT_CERTIFICATES = 'kube-root-ca.crt'

/** Emits created, changed and deleted ConfigMaps and Secrets, with the author and the workloads that use them. */
export const configChanges = watchCluster((client, context) => {
  const { cluster } = client
  const lifecycle = createLifecycle<ConfigObject>(client, context)
  const sampler = createEventSampler()
  return (change) => {
    if (change.kind !== 'configMaps' && change.kind !== 'secrets') return
    // A cluster has thousands of them: existing ones are not reported when the agent starts.
    if (change.type === 'added' && change.isInitial) return
    const now = context.now()
    const { name, namespace } = change.type === 'deleted' ? change.old : change.object
    if (isHelmRelease(name)) return context.emit(releaseEvent(change, now))
    if (name === ROOT_CERTIFICATES && namespace !== 'kube-system') return
    const kind: ConfigKind = change.kind === 'secrets' ? 'Secret' : 'ConfigMap'
    const creation = creationOf<ConfigObject>(change, now)
    if (creation !== undefined)
      return lifecycle.created(kind, creation.object, created(kind, creation, cluster), () =>
        replaced(kind, creation, cluster),
      )
    const deletion = deletionOf<ConfigObject>(change, now)
    if (deletion !== undefined) return lifecycle.deleted(kind, deletion.object, deleted(kind, deletion, cluster))
    if (change.type !== 'changed' || change.object.deleted !== undefined || !isContentChanged(change)) return
    const sample = sampler.sample(change.object.uid, { at: now })
    if (sample !== undefined) context.emit(changed(kind, change.object, change.old, cluster, sample, now))
  }
})

/** Leader elections write only to annotations, every few seconds. */
function isContentChanged({ object, old }: Extract<ConfigChange, { readonly type: 'changed' }>): boolean {
  return object.keyedHash !== old.keyedHash && !changedOtherPartsOnly(object.managers, old.managers, CONTENT_PARTS)
}

function created(kind: ConfigKind, { object, at }: ObjectMoment<ConfigObject>, cluster: Cluster): Event {
  const writer = creator(object.managers)
  return signals.configCreated.event({
    ...occurrence(kind, object, { id: 'created', at, what: `was created${byAuthor(writer)}` }),
    attributes: { ...attributesOf(kind, object, usersOf(kind, object, cluster)), ...authorAttributes(writer) },
  })
}

function changed(
  kind: ConfigKind,
  object: ConfigObject,
  old: ConfigObject,
  cluster: Cluster,
  sample: EventSample,
  now: Date,
): Event {
  const writer = changeAuthor(object.managers, old.managers, CONTENT_PARTS)
  const users = usersOf(kind, object, cluster)
  return signals.configChanged.event({
    ...occurrence(kind, object, {
      id: `${object.resourceVersion}/changed`,
      at: changedAt(writer, now),
      what: `was changed${byAuthor(writer)}${describeUsers(users)}${countSuffix(sample)}`,
    }),
    severity: users.length > 0 ? 'warning' : undefined,
    attributes: { ...attributesOf(kind, object, users), ...authorAttributes(writer), ...countAttribute(sample) },
  })
}

/** Describes an object that takes the place of a deleted one. */
function replaced(kind: ConfigKind, { object, at }: ObjectMoment<ConfigObject>, cluster: Cluster): Event {
  const writer = creator(object.managers)
  const users = usersOf(kind, object, cluster)
  return signals.configChanged.event({
    ...occurrence(kind, object, {
      id: 'replaced',
      at,
      what: `was deleted and replaced${byAuthor(writer)}${describeUsers(users)}`,
    }),
    severity: users.length > 0 ? 'warning' : undefined,
    attributes: { ...attributesOf(kind, object, users), ...authorAttributes(writer) },
  })
}

function deleted(kind: ConfigKind, { object, at }: ObjectMoment<ConfigObject>, cluster: Cluster): Event {
  const users = usersOf(kind, object, cluster)
  return signals.configDeleted.event({
    ...occurrence(kind, object, { id: 'deleted', at, what: `was deleted${describeUsers(users)}` }),
    severity: users.length > 0 ? 'error' : undefined,
    attributes: attributesOf(kind, object, users),
  })
}

function describeUsers(users: readonly string[]): string {
  if (users.length === 0) return ''
  return `; used by ${users.slice(0, 5).join(', ')}${users.length > 5 ? `, and ${users.length - 5} more` : ''}`
}

function attributesOf(kind: ConfigKind, { namespace, name }: ConfigObject, users: readonly string[]) {
  return {
    'k8s.namespace.name': namespace,
    'k8s.config.kind': kind,
    'k8s.config.name': name,
    'k8s.config.used_by': users.length === 0 ? undefined : users.slice(0, 100),
  }
}

/** Returns workloads whose pods mount it or take variables from it, as `Deployment/web`. */
function usersOf(kind: ConfigKind, { namespace, name }: ConfigObject, cluster: Cluster): string[] {
  return (['deployments', 'statefulSets', 'daemonSets', 'cronJobs'] as const).flatMap((workloads) =>
    [...cluster.objects(workloads).values()]
      .filter((workload) => workload.namespace === namespace && configNamesOf(workload.template, kind).includes(name))
      .map((workload) => `${workloadKinds[workloads]}/${workload.name}`),
  )
}
