import type { Event, EventSample } from '@rca/core/connector'
import { taintText } from '../../changes/compare-nodes.ts'
import { componentMessage } from '../../evidence/component-message.ts'
import { podAttributes, podGroup } from '../../evidence/owner-workload.ts'
import type { ClusterEvent } from '../../kinds/event/event.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'
import { namedReference, podReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { timeOrNow } from '../occurrence.ts'
import { affectedCount, affectedSuffix } from '../sample-text.ts'
import { aboutAttributes } from './describe-warning.ts'
import { signals } from './signals.ts'

/** A problem of a pod that both its status and a component's report show. The first to arrive is emitted. */
export interface PodProblem {
  /** Equal for both. */
  readonly id: string
  /** When it began, if that is known. */
  readonly at: string | undefined
  /** Pods that are sampled together. */
  readonly group: string
  describe(now: Date, sample: EventSample): Event
}

/** Returns the eviction that a pod's status shows. */
export function evictionOf(client: KubernetesClient, pod: Pod): PodProblem | undefined {
  const disruption = pod.conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  const isEnded = pod.phase === 'Failed' && pod.reason !== undefined
  const reason = isEnded ? pod.reason : disruption?.reason
  if (reason === undefined) return undefined
  const ends = pod.containers.flatMap(({ status }) => status?.state?.finishedAt ?? [])
  const at = disruption?.since ?? ends.toSorted().at(-1)
  const message = componentMessage(pod.message ?? disruption?.message ?? '')
  const taints = TAINT_REASONS.has(reason) ? evictingTaints(client, pod.node) : []
  const cause = { reason, evictor: undefined, message }
  return evicted({ ...pod, id: pod.uid }, at, cause, podAttributes(client.cluster, pod), taints)
}

/** Returns the eviction that a component of the cluster reports. */
export function reportedEviction(client: KubernetesClient, event: ClusterEvent): PodProblem | undefined {
  const { about, lastAt, reason, message, component } = event
  const attributes = { ...aboutAttributes(client, event), 'k8s.event.component': component }
  const taints = TAINT_REASONS.has(reason) ? evictingTaints(client, attributes['k8s.node.name']) : []
  // The pod of an event without uid may have been deleted by then.
  const identity = { id: about.uid ?? event.uid, uid: about.uid, namespace: about.namespace, name: about.name }
  const evictor = component === undefined || OWN_COMPONENTS.test(component) ? undefined : component
  return evicted(identity, lastAt, { reason, evictor, message: componentMessage(message) }, attributes, taints)
}

/** Components of a cluster that end pods for a reason that the event gives. */
const OWN_COMPONENTS = /^(?:kubelet|taint-eviction-controller|taint-controller|node-controller|\S*-scheduler)$/

/** Reasons of evictions by the controller for taints: in its events, and in the status of pods. */
const TAINT_REASONS = new Set(['TaintManagerEviction', 'DeletionByTaintManager'])

/** Taints of a node that end pods. */
function evictingTaints({ cluster }: KubernetesClient, name: string | undefined): readonly string[] {
  for (const node of cluster.objects('nodes').values())
    if (node.name === name) return node.taints.filter(({ effect }) => effect === 'NoExecute').map(taintText)
  return []
}

/** Returns the failed scheduling that a pod's status shows. The scheduler reports it in an event, too. */
export function unschedulable(client: KubernetesClient, pod: Pod): PodProblem | undefined {
  const condition = pod.conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (condition?.reason !== 'Unschedulable' || pod.deleted !== undefined) return undefined
  const message = componentMessage(condition.message ?? '')
  const details = message === '' ? '' : `: ${message}`
  const id = schedulingId(pod.uid)
  return {
    id,
    at: condition.since,
    group: `scheduling ${podGroup(client.cluster, pod)}`,
    describe: (now, sample) =>
      signals.podSchedulingFailed.event({
        id,
        at: timeOrNow(condition.since, now),
        entity: podReference(pod.uid),
        body: `No node can take pod ${pod.namespace}/${pod.name}${affectedSuffix(sample)}${details}`,
        attributes: {
          ...podAttributes(client.cluster, pod),
          'k8s.event.reason': condition.reason,
          'k8s.event.message': message === '' ? undefined : message,
          'k8s.event.count': 1,
          'k8s.event.affected': affectedCount(sample),
        },
      }),
  }
}

/** Returns the wait for scheduling gates that a pod's specification shows. */
export function gated(client: KubernetesClient, pod: Pod): PodProblem | undefined {
  const { schedulingGates: gates } = pod
  if (gates.length === 0 || pod.deleted !== undefined) return undefined
  const id = `${pod.uid}/scheduling_gated`
  const named = `scheduling ${gates.length === 1 ? 'gate' : 'gates'} ${gates.join(', ')}`
  return {
    id,
    at: pod.created,
    group: `gates ${gates.join(' ')} ${podGroup(client.cluster, pod)}`,
    describe: (now, sample) =>
      signals.podSchedulingGated.event({
        id,
        at: timeOrNow(pod.created, now),
        entity: podReference(pod.uid),
        body: `Pod ${pod.namespace}/${pod.name} is not scheduled before ${named} ${gates.length === 1 ? 'is' : 'are'} removed${affectedSuffix(sample)}`,
        attributes: {
          ...podAttributes(client.cluster, pod),
          'k8s.pod.scheduling_gates': gates,
          'k8s.event.affected': affectedCount(sample),
        },
      }),
  }
}

/** The id of the first event about the failed scheduling of a pod. */
export function schedulingId(podUid: string): string {
  return `${podUid}/scheduling_failed`
}

interface EvictedPod extends Pick<Pod, 'namespace' | 'name'> {
  /** The uid of the pod, or else of the event. */
  readonly id: string
  readonly uid: string | undefined
}

interface EvictionCause {
  readonly reason: string
  readonly message: string
  /** Name of the program that ended the pod, if the cluster itself did not. */
  readonly evictor: string | undefined
}

/** @param taints of the node, if they are the reason */
function evicted(
  { id: owner, uid, namespace, name }: EvictedPod,
  at: string | undefined,
  { reason, message, evictor }: EvictionCause,
  attributes: Parameters<typeof signals.podEvicted.event>[0]['attributes'],
  taints: readonly string[],
): PodProblem {
  const id = `${owner}/evicted`
  const details = [message, ...taints.map((taint) => `taint ${taint}`)].filter((text) => text !== '')
  return {
    id,
    at,
    // A drain or a full disk ends all pods of a node.
    group: `eviction ${reason} ${String(attributes?.['k8s.node.name'])}`,
    describe: (now, sample) =>
      signals.podEvicted.event({
        id,
        at: timeOrNow(at, now),
        entity: uid === undefined ? namedReference('Namespace', { namespace: '', name: namespace }) : podReference(uid),
        // Evicted by a node that is short of a resource; preemption or a drain may be intended.
        severity: reason === 'Evicted' && evictor === undefined ? 'error' : 'warning',
        body: `Pod ${namespace}/${name} was ended as a whole${evictor === undefined ? '' : ` by ${evictor}`}${affectedSuffix(sample)}: ${[reason, details.join('; ')].filter(Boolean).join(': ')}`,
        attributes: {
          ...attributes,
          'k8s.pod.reason': reason,
          'k8s.node.taints': taints.length === 0 ? undefined : taints,
          'k8s.event.affected': affectedCount(sample),
          'k8s.event.message': message === '' ? undefined : message,
        },
      }),
  }
}
