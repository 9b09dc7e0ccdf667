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
import { namedId, namedReference } from '../../kinds/references.ts'
import type { PodTemplate } from '../../kinds/workload/pod-template.ts'
import { watchCluster } from '../cluster-watcher.ts'
import { createLifecycle, creationOf, deletionOf, type ObjectMoment } from '../created-deleted.ts'
import { countAttribute, countSuffix } from '../sample-text.ts'
import { helmReleaseName, releaseEvent } from './helm-releases.ts'
import { signals } from './signals.ts'

type ConfigKind = 'ConfigMap' | 'Secret'
type ConfigChange = Extract<ClusterChange, { readonly kind: 'configMaps' | 'secrets' }>

/** Parts of a ConfigMap or Secret except labels and annotations. */
const CONTENT_PARTS = ['data', 'binaryData', 'stringData', 'immutable', 'type']

/** A ConfigMap that every namespace has with the same content. */
const ROOT_CERTIFICATES = 'kube-root-ca.crt'

/**
 * Emits ConfigMaps and Secrets that are created, changed and deleted, with the author and the workloads that use
 * them.
 */
export const configChanges = watchCluster((client, context) => {
  const { cluster } = client
  const lifecycle = createLifecycle(client, context)
  const sampler = createEventSampler()
  return (change) => {
    if (change.kind !== 'configMaps' && change.kind !== 'secrets') return
    const now = context.now()
    if (helmReleaseName(objectOf(change)) !== undefined) return context.emit(releaseEvent(change, now))
    if (objectOf(change).name === ROOT_CERTIFICATES && objectOf(change).namespace !== 'kube-system') return
    const kind: ConfigKind = change.kind === 'secrets' ? 'Secret' : 'ConfigMap'
    // A cluster has thousands of them: existing ones are not reported when the agent starts.
    const creation = change.type === 'added' && change.isInitial ? undefined : creationOf<ConfigObject>(change, now)
    if (creation !== undefined) return lifecycle.created(kind, creation.object, created(kind, creation, cluster))
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

function objectOf(change: ConfigChange): ConfigObject {
  return change.type === 'deleted' ? change.old : change.object
}

function created(
  kind: ConfigKind,
  { object, at }: ObjectMoment<ConfigObject>,
  cluster: Pick<Cluster, 'objects'>,
): Event {
  const writer = creator(object.managers)
  return signals.configCreated.event({
    id: `k8s/${object.uid}/created`,
    at,
    entity: namedReference(kind, object),
    body: `${kind} ${namedId(object)} was created${byAuthor(writer)}`,
    attributes: { ...attributesOf(kind, object, usersOf(kind, object, cluster)), ...authorAttributes(writer) },
  })
}

function changed(
  kind: ConfigKind,
  object: ConfigObject,
  old: ConfigObject,
  cluster: Pick<Cluster, 'objects'>,
  sample: EventSample,
  now: Date,
): Event {
  const writer = changeAuthor(object.managers, old.managers, CONTENT_PARTS)
  const users = usersOf(kind, object, cluster)
  return signals.configChanged.event({
    id: `k8s/${object.uid}/${object.resourceVersion}/changed`,
    at: changedAt(writer, now),
    severity: severityOf(users, 'warning'),
    entity: namedReference(kind, object),
    body: `${kind} ${namedId(object)} was changed${byAuthor(writer)}${describeUsers(users)}${countSuffix(sample)}`,
    attributes: { ...attributesOf(kind, object, users), ...authorAttributes(writer), ...countAttribute(sample) },
  })
}

function deleted(
  kind: ConfigKind,
  { object, at }: ObjectMoment<ConfigObject>,
  cluster: Pick<Cluster, 'objects'>,
): Event {
  const users = usersOf(kind, object, cluster)
  return signals.configDeleted.event({
    id: `k8s/${object.uid}/deleted`,
    at,
    severity: severityOf(users, 'error'),
    entity: namedReference(kind, object),
    body: `${kind} ${namedId(object)} was deleted${describeUsers(users)}`,
    attributes: attributesOf(kind, object, users),
  })
}

function severityOf(users: readonly string[], ifUsed: Event['severity']): Event['severity'] | undefined {
  return users.length > 0 ? ifUsed : undefined
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
function usersOf(kind: ConfigKind, { namespace, name }: ConfigObject, cluster: Pick<Cluster, 'objects'>): string[] {
  const users: string[] = []
  const addUsers = (
    workloadKind: string,
    objects: ReadonlyMap<string, { readonly namespace: string; readonly name: string; readonly template: PodTemplate }>,
  ): void => {
    for (const workload of objects.values())
      if (workload.namespace === namespace && isUsedBy(workload.template, kind, name))
        users.push(`${workloadKind}/${workload.name}`)
  }
  addUsers('Deployment', cluster.objects('deployments'))
  addUsers('StatefulSet', cluster.objects('statefulSets'))
  addUsers('DaemonSet', cluster.objects('daemonSets'))
  addUsers('CronJob', cluster.objects('cronJobs'))
  return users
}

function isUsedBy({ mounts, containers }: PodTemplate, kind: ConfigKind, name: string): boolean {
  const mounted = kind === 'Secret' ? mounts.secrets : mounts.configMaps
  const reference = `${kind === 'Secret' ? 'secret' : 'configMap'}/${name}`
  return (
    mounted.includes(name) ||
    containers.some(
      ({ environmentFrom, environmentKeysFrom }) =>
        environmentFrom.includes(reference) || environmentKeysFrom.includes(reference),
    )
  )
}
