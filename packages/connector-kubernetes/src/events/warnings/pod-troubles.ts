import type { Event } from '@rca/core/connector'
import { componentMessage } from '../../evidence/component-message.ts'
import { podGroup, workloadAttributes } from '../../evidence/owner-workload.ts'
import type { ClusterEvent } from '../../kinds/event/event.ts'
import type { Pod } from '../../kinds/pod/pod.ts'
import { podReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { signals } from '../../signals.ts'
import { affectedAttribute, ofMany } from '../alike.ts'
import { momentOf } from '../event-time.ts'
import { podAttributes } from './describe-report.ts'

/** Something that a pod itself, or a report about it, tells: whichever comes first. */
export interface PodTrouble {
  /** The same for both. */
  readonly id: string
  /** When it began, where that is known. */
  readonly at: string | undefined
  /** What is the same about those that are told once for all. */
  readonly group: string
  /** @param affected which of its group it is */
  describe(now: Date, affected: number): Event
}

/** That a pod was ended as a whole, as it says itself. */
export function evictionOf(client: KubernetesClient, pod: Pod): PodTrouble | undefined {
  const disruption = pod.conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  const isEnded = pod.phase === 'Failed' && pod.reason !== undefined
  const reason = isEnded ? pod.reason : disruption?.reason
  if (reason === undefined) return undefined
  const at = disruption?.since ?? endOf(pod)
  const message = pod.message ?? disruption?.message
  return evicted(pod, { at, reason, message }, attributesOf(client, pod))
}

/** That a pod was ended as a whole, as a component of the cluster reports. */
export function reportedEviction(client: KubernetesClient, event: ClusterEvent): PodTrouble | undefined {
  const { uid, namespace, name } = event.about
  if (uid === undefined) return undefined
  const attributes = { ...podAttributes(client, event), 'k8s.event.component': event.component }
  const { lastAt, reason, message } = event
  return evicted({ uid, namespace, name }, { at: lastAt, reason, message }, attributes)
}

/** That no node can take a pod, as the scheduler noted in it: it is the same that it reports. */
export function unschedulable(client: KubernetesClient, pod: Pod): PodTrouble | undefined {
  const condition = pod.conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (condition?.reason !== 'Unschedulable' || pod.deleted !== undefined) return undefined
  const message = componentMessage(condition.message ?? '')
  const id = schedulingId(pod.uid)
  return {
    id,
    at: condition.since,
    group: `scheduling ${podGroup(client.cluster, pod)}`,
    describe: (now, affected) =>
      signals.podSchedulingFailed.event({
        id,
        at: momentOf(condition.since, now),
        entity: podReference(pod.uid),
        body: `No node can take pod ${pod.namespace}/${pod.name}${ofMany(affected)}${message === '' ? '' : `: ${message}`}`,
        attributes: {
          ...attributesOf(client, pod),
          'k8s.event.reason': condition.reason,
          'k8s.event.message': message === '' ? undefined : message,
          'k8s.event.count': 1,
          'k8s.event.affected': affectedAttribute(affected),
        },
      }),
  }
}

/** The id under which it is first told that no node can take a pod. */
export function schedulingId(podUid: string): string {
  return `${podUid}/scheduling_failed`
}

interface Eviction {
  readonly at: string | undefined
  readonly reason: string
  readonly message: string | undefined
}

function evicted(
  { uid, namespace, name }: Pick<Pod, 'uid' | 'namespace' | 'name'>,
  { at, reason, message: text }: Eviction,
  attributes: Parameters<typeof signals.podEvicted.event>[0]['attributes'],
): PodTrouble {
  const id = `${uid}/evicted`
  const message = componentMessage(text ?? '')
  return {
    id,
    at,
    // A drain, or a full disk, ends all the pods of a node.
    group: `eviction ${reason} ${String(attributes?.['k8s.node.name'])}`,
    describe: (now, affected) =>
      signals.podEvicted.event({
        id,
        at: momentOf(at, now),
        entity: podReference(uid),
        // A node that is short of something is a trouble; room that is made for others, or a drain, need not be.
        severity: reason === 'Evicted' ? 'error' : 'warning',
        body: `Pod ${namespace}/${name} was ended as a whole${ofMany(affected)}: ${reason}${message === '' ? '' : `: ${message}`}`,
        attributes: {
          ...attributes,
          'k8s.pod.reason': reason,
          'k8s.event.affected': affectedAttribute(affected),
          'k8s.event.message': message === '' ? undefined : message,
        },
      }),
  }
}

function attributesOf({ cluster }: KubernetesClient, pod: Pod) {
  return {
    'k8s.namespace.name': pod.namespace,
    'k8s.pod.name': pod.name,
    'k8s.pod.uid': pod.uid,
    'k8s.node.name': pod.node,
    ...workloadAttributes(cluster, pod),
  }
}

/** When the last of a pod's containers ended. */
function endOf({ containers }: Pod): string | undefined {
  const ends = containers.flatMap(({ status }) => status?.state?.finishedAt ?? [])
  return ends.toSorted().at(-1)
}
