import { type Event, redactSecrets } from '@rca/core'
import { containerReference, namedReference, objectReference, podReference } from '../entity-references.ts'
import { containerOf } from '../evidence/last-report.ts'
import { ownerWorkload, workloadAttributes } from '../evidence/owner-workload.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import type { ClusterEvent } from '../resources/event.ts'
import type { Metadata } from '../resources/metadata.ts'
import { signals } from '../signals.ts'
import type { Telling } from './happenings.ts'
import { readQuotaRefusal } from './quota-message.ts'
import { momentOf } from './recent.ts'
import { probeKind, type ReportKind } from './report-kinds.ts'

type Tell = (client: KubernetesClient, event: ClusterEvent, telling: Telling, now: Date) => Event

/** How each kind of report but evictions is told. */
const TABLE: Readonly<Record<Exclude<ReportKind, 'eviction'>, Tell>> = {
  scheduling: (client, event, telling, now) =>
    signals.podSchedulingFailed.event({
      ...occurrence(client, event, telling, now, `No node can take pod ${nameOf(event)}`),
      attributes: { ...podAttributes(client, event), ...reported(event, telling) },
    }),
  unhealthy: (client, event, telling, now) => {
    const { uid = '' } = event.about
    const name = containerOf(event.about)
    const found = client.cluster
      .objects('pods')
      .get(uid)
      ?.containers.find((container) => container.name === name)
    const probe = probeKind(event)
    return signals.containerUnhealthy.event({
      ...occurrence(
        client,
        event,
        telling,
        now,
        `A ${probe ?? 'probe'}${probe === undefined ? '' : ' probe'} of ${name === undefined ? '' : `container ${name} of `}pod ${nameOf(event)} failed`,
      ),
      attributes: {
        ...podAttributes(client, event),
        'k8s.container.name': name,
        'container.image.name': found?.image,
        'container.image.id': found?.status?.imageId,
        ...reported(event, telling),
        'k8s.container.probe.kind': probe,
      },
    })
  },
  quota: (client, event, telling, now) => {
    const refusal = readQuotaRefusal(event.message)
    const { namespace, kind } = event.about
    const quota = { namespace, name: refusal?.quota ?? '' }
    return signals.quotaExceeded.event({
      ...occurrence(
        client,
        event,
        telling,
        now,
        `Quota ${namespace}/${quota.name} refuses pods of ${kind} ${event.about.name}`,
      ),
      entity: namedReference('ResourceQuota', quota),
      attributes: {
        ...makerAttributes(client, event),
        ...reported(event, telling),
        'k8s.resourcequota.name': quota.name,
        'k8s.quota.requested': refusal?.requested,
        'k8s.quota.used': refusal?.used,
        'k8s.quota.limited': refusal?.limited,
      },
    })
  },
  refusal: (client, event, telling, now) =>
    signals.podsRefused.event({
      ...occurrence(client, event, telling, now, `${event.about.kind} ${nameOf(event)} gets no pods`),
      attributes: { ...makerAttributes(client, event), ...reported(event, telling) },
    }),
  volume: (client, event, telling, now) => {
    const isClaim = event.about.kind === 'PersistentVolumeClaim'
    return signals.volumeMountFailed.event({
      ...occurrence(
        client,
        event,
        telling,
        now,
        `A volume of ${isClaim ? 'claim' : 'pod'} ${nameOf(event)} cannot be had`,
      ),
      attributes: {
        ...(isClaim
          ? { 'k8s.namespace.name': event.about.namespace, 'k8s.persistentvolumeclaim.name': event.about.name }
          : podAttributes(client, event)),
        ...reported(event, telling),
      },
    })
  },
  other: (client, event, telling, now) => {
    const { kind, name, namespace } = event.about
    return signals.clusterEvent.event({
      ...occurrence(client, event, telling, now, `${event.reason} of ${kind} ${nameOf(event)}`),
      attributes: {
        ...reported(event, telling),
        'k8s.namespace.name': namespace === '' ? undefined : namespace,
        'k8s.object.kind': kind,
        'k8s.object.name': name,
        'k8s.container.name': containerOf(event.about),
        'k8s.node.name': event.host,
      },
    })
  },
}

/** Tells what a component of the cluster reports. */
export function describeReport(
  kind: Exclude<ReportKind, 'eviction'>,
  client: KubernetesClient,
  event: ClusterEvent,
  telling: Telling,
  now: Date,
): Event {
  return TABLE[kind](client, event, telling, now)
}

/** The pod that an event is about, as it is now or at least as the event names it. */
export function podAttributes({ cluster }: KubernetesClient, { about, host }: ClusterEvent) {
  const pod = cluster.objects('pods').get(about.uid ?? '')
  return {
    'k8s.namespace.name': about.namespace,
    'k8s.pod.name': about.name,
    'k8s.pod.uid': about.uid,
    'k8s.node.name': pod?.node ?? host,
    ...(pod === undefined ? {} : workloadAttributes(cluster, pod)),
  }
}

/** The workload whose pods are refused: of a ReplicaSet its Deployment. */
function makerAttributes({ cluster }: KubernetesClient, { about }: ClusterEvent) {
  const kinds = ['replicaSets', 'jobs'] as const
  const found = kinds
    .map((kind): Metadata | undefined => cluster.objects(kind).get(about.uid ?? ''))
    .find((object) => object !== undefined)
  const owner = found === undefined ? undefined : ownerWorkload(cluster, found)
  return {
    'k8s.namespace.name': about.namespace,
    'k8s.workload.kind': owner?.kind ?? about.kind,
    'k8s.workload.name': owner?.name ?? about.name,
  }
}

function reported(event: ClusterEvent, { count }: Telling) {
  return {
    'k8s.event.reason': event.reason,
    'k8s.event.component': event.component,
    'k8s.event.message': redactSecrets(event.message),
    'k8s.event.count': count,
    'k8s.event.first_at': event.firstAt,
  }
}

function occurrence(client: KubernetesClient, event: ClusterEvent, { id, count }: Telling, now: Date, what: string) {
  const often = count === 1 ? '' : ` (${count} times so far)`
  const message = redactSecrets(event.message)
  return {
    id,
    at: momentOf(event.lastAt, now),
    entity: entityOf(client, event),
    body: `${what}${often}${message === '' ? '' : `: ${message}`}`,
  }
}

/** What an event is about; of an extension's object, which is no entity, its namespace or the cluster. */
function entityOf({ entity }: KubernetesClient, { about }: ClusterEvent) {
  const container = containerOf(about)
  if (about.uid !== undefined && container !== undefined) return containerReference(about.uid, container)
  if (about.kind === 'Pod' && about.uid !== undefined) return podReference(about.uid)
  const named = objectReference(about.kind, about)
  if (named !== undefined) return named
  return about.namespace === '' ? entity : namedReference('Namespace', { namespace: '', name: about.namespace })
}

/** `shop/web`, or `worker-1` for what is in no namespace. */
function nameOf({ about: { kind, namespace, name } }: ClusterEvent): string {
  return namespace === '' || kind === 'Node' ? name : `${namespace}/${name}`
}
