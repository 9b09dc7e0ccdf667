import type { Event, EventSample } from '@rca/core/connector'
import { containerOf } from '../../evidence/latest-cluster-event.ts'
import { ownerWorkload, workloadAttributes } from '../../evidence/owner-workload.ts'
import type { ClusterEvent } from '../../kinds/event/event.ts'
import { containerReference, namedReference, objectReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { timeOrNow } from '../occurrence.ts'
import { affectedCount, affectedSuffix } from '../sample-text.ts'
import { signals } from './signals.ts'
import { probeKind, readQuotaRefusal, type WarningKind } from './warning-kinds.ts'

/** A report of a component of the cluster. */
export interface Warning {
  readonly event: ClusterEvent
  readonly id: string
  readonly count: number
  /** Its sample among objects to which the same happens. */
  readonly sample: EventSample
  /** The message without secrets; `undefined` if its secrets are unknown. */
  readonly message: string | undefined
  readonly now: Date
}

/** Failures of a startup probe that make it a warning. A container that the kubelet kills is reported at once. */
const MIN_STARTUP_FAILURES = 10

/** Common names of resources. */
const RESOURCE_NAMES: Readonly<Record<string, string>> = { persistentvolumeclaims: 'claims', 'jobs.batch': 'jobs' }

/** Describes each kind of report except evictions. */
export const describeWarning: Readonly<
  Record<Exclude<WarningKind, 'eviction'>, (report: Warning, client: KubernetesClient) => Event>
> = {
  scheduling: (report, client) =>
    signals.podSchedulingFailed.event({
      ...occurrenceOf(report, client, `No node can take pod ${nameOf(report)}`),
      attributes: { ...aboutAttributes(client, report.event), ...reportAttributes(report) },
    }),
  unhealthy: (report, client) => {
    const { about } = report.event
    const name = containerOf(about)
    const pod = client.cluster.objects('pods').get(about.uid ?? '')
    const container = pod?.containers.find((one) => one.name === name)
    const probe = probeKind(report.event)
    const what = `A ${probe === undefined ? '' : `${probe} `}probe of ${name === undefined ? '' : `container ${name} of `}`
    return signals.containerUnhealthy.event({
      ...occurrenceOf(report, client, `${what}pod ${nameOf(report)} failed`),
      // It fails until the container has started.
      severity: probe === 'startup' && report.count < MIN_STARTUP_FAILURES ? 'info' : undefined,
      attributes: {
        ...aboutAttributes(client, report.event),
        'k8s.container.name': name,
        'container.image.name': container?.image,
        'container.image.id': container?.status?.imageId,
        ...reportAttributes(report),
        'k8s.event.message_missing':
          report.message === undefined ? 'its secrets are unknown: the pod cannot be read' : undefined,
        'k8s.container.probe.kind': probe,
      },
    })
  },
  quota: (report, client) => {
    const refusal = readQuotaRefusal(report.event.message)
    const { namespace, kind, name } = report.event.about
    const quota = { namespace, name: refusal?.quota ?? '' }
    const refused = refusal?.resource ?? 'pods'
    const what = `Quota ${namespace}/${quota.name} refuses ${RESOURCE_NAMES[refused] ?? refused} of ${kind} ${name}`
    return signals.quotaExceeded.event({
      ...occurrenceOf(report, client, what),
      entity: namedReference('ResourceQuota', quota),
      attributes: {
        ...creatorAttributes(client, report.event),
        ...reportAttributes(report),
        'k8s.resourcequota.name': quota.name,
        'k8s.quota.refused': refused,
        'k8s.quota.requested': refusal?.requested,
        'k8s.quota.used': refusal?.used,
        'k8s.quota.limited': refusal?.limited,
      },
    })
  },
  refusal: (report, client) =>
    signals.podsRefused.event({
      ...occurrenceOf(report, client, `${report.event.about.kind} ${nameOf(report)} cannot create pods`),
      attributes: { ...creatorAttributes(client, report.event), ...reportAttributes(report) },
    }),
  volume: (report, client) => {
    const { kind, namespace, name } = report.event.about
    const isClaim = kind === 'PersistentVolumeClaim'
    return signals.volumeMountFailed.event({
      ...occurrenceOf(report, client, `A volume of ${isClaim ? 'claim' : 'pod'} ${nameOf(report)} cannot be provided`),
      // In the first second of a pod, a kubelet may not know its ConfigMaps, Secrets and claims yet, and tries again.
      severity: report.count === 1 ? 'warning' : undefined,
      attributes: {
        ...(isClaim
          ? { 'k8s.namespace.name': namespace, 'k8s.persistentvolumeclaim.name': name }
          : aboutAttributes(client, report.event)),
        ...reportAttributes(report),
      },
    })
  },
  other: (report, client) => {
    const { about, reason, host } = report.event
    return signals.clusterEvent.event({
      ...occurrenceOf(report, client, `${reason} of ${about.kind} ${nameOf(report)}`),
      attributes: {
        ...reportAttributes(report),
        'k8s.namespace.name': about.namespace === '' ? undefined : about.namespace,
        'k8s.object.kind': about.kind,
        'k8s.object.name': about.name,
        'k8s.container.name': containerOf(about),
        'k8s.node.name': host,
      },
    })
  },
}

/** The pod that an event is about: its current state, or else the names in the event. */
export function aboutAttributes({ cluster }: KubernetesClient, { about, host }: ClusterEvent) {
  const pod = cluster.objects('pods').get(about.uid ?? '')
  return {
    'k8s.namespace.name': about.namespace,
    'k8s.pod.name': about.name,
    'k8s.pod.uid': about.uid,
    'k8s.node.name': pod?.node ?? host,
    ...(pod === undefined ? {} : workloadAttributes(cluster, pod)),
  }
}

/** The workload whose pods are refused; the Deployment of a ReplicaSet. */
function creatorAttributes({ cluster }: KubernetesClient, { about }: ClusterEvent) {
  const uid = about.uid ?? ''
  const found = cluster.objects('replicaSets').get(uid) ?? cluster.objects('jobs').get(uid)
  const owner = found && ownerWorkload(cluster, found)
  return {
    'k8s.namespace.name': about.namespace,
    'k8s.workload.kind': owner?.kind ?? about.kind,
    'k8s.workload.name': owner?.name ?? about.name,
  }
}

function reportAttributes({ event, message, count, sample }: Warning) {
  return {
    'k8s.event.reason': event.reason,
    'k8s.event.component': event.component,
    'k8s.event.message': message,
    'k8s.event.count': count,
    'k8s.event.affected': affectedCount(sample),
    'k8s.event.first_at': event.firstAt,
  }
}

function occurrenceOf({ event, id, count, sample, message, now }: Warning, client: KubernetesClient, what: string) {
  const often = count === 1 ? '' : ` (${count} times so far)`
  return {
    id,
    at: timeOrNow(event.lastAt, now),
    entity: entityOf(client, event),
    body: `${what}${often}${affectedSuffix(sample)}${message ? `: ${message}` : ''}`,
  }
}

/** The entity of an event's object; its namespace or the cluster for one of an extension, which is not an entity. */
function entityOf({ entity }: KubernetesClient, { about }: ClusterEvent) {
  const container = containerOf(about)
  if (about.uid !== undefined && container !== undefined) return containerReference(about.uid, container)
  const named = objectReference(about.kind, about)
  if (named !== undefined) return named
  return about.namespace === '' ? entity : namedReference('Namespace', { namespace: '', name: about.namespace })
}

/** `shop/web`, or `worker-1` for an object without a namespace. */
function nameOf({ event: { about } }: Warning): string {
  return about.namespace === '' || about.kind === 'Node' ? about.name : `${about.namespace}/${about.name}`
}
