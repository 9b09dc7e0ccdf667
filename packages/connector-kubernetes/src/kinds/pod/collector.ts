import { type Collector, type Entity, inTimeSlices, type Metric, redactSecrets } from '@rca/core/connector'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { signals } from '../../signals.ts'
import { ownerRelation } from '../describe-object.ts'
import { kindCollector, seen } from '../kind-collector.ts'
import { isReady } from '../metadata.ts'
import { containerReference, namedReference, podReference } from '../references.ts'
import type { Pod, PodContainer } from './pod.ts'
import { containerAttributes, isOver, podAttributes } from './pod-attributes.ts'

/** Numbers of phases, as the OpenTelemetry Collector's `k8s.pod.phase` has them. */
const PHASES: Readonly<Record<string, number>> = { Pending: 1, Running: 2, Succeeded: 3, Failed: 4, Unknown: 5 }

/** Every pod and its containers, and how they are. */
export const pods = kindCollector('pods', {
  entities: (pod, isWantedLabel) => [
    describePod(pod, isWantedLabel),
    ...pod.containers.map((one) => describeContainer(pod, one)),
  ],
  metrics: (pod, entity): (Metric | undefined)[] => [
    signals.podPhase.point(PHASES[pod.phase ?? ''], entity),
    signals.podReady.point(isOver(pod) ? undefined : Number(isReady(pod)), entity),
    ...pod.containers.flatMap((container) => measure(pod, container)),
  ],
})

/** What containers ask for and may use. Seldom: it does not change as long as a container is there, and stands in its entity as well. */
export const requests: Collector<KubernetesClient> = {
  interval: '5m',
  timeout: '60s',
  async collect(client, { signal }) {
    const { objects, isCurrent } = await seen(client, 'pods', signal)
    if (!isCurrent) return {}
    const metrics: (Metric | undefined)[] = []
    for await (const some of inTimeSlices([...objects.values()]))
      for (const pod of some)
        if (!isOver(pod)) metrics.push(...pod.containers.flatMap((one) => measureRequest(pod, one)))
    return { metrics }
  },
}

function measureRequest({ uid }: Pod, container: PodContainer): (Metric | undefined)[] {
  const reference = containerReference(uid, container.name)
  const { requests: kept, limits } = resourcesOf(container)
  return [
    signals.containerCpuRequest.point(kept.cpu, reference),
    signals.containerCpuLimit.point(limits.cpu, reference),
    signals.containerMemoryRequest.point(kept.memory, reference),
    signals.containerMemoryLimit.point(limits.memory, reference),
  ]
}

function describePod(pod: Pod, isWantedLabel: (name: string) => boolean): Entity {
  const labels = Object.entries(pod.labels).filter(([name]) => isWantedLabel(name))
  return signals.pod.entity({
    id: pod.uid,
    name: pod.name,
    attributes: {
      ...podAttributes(pod),
      'k8s.pod.created': pod.created,
      'k8s.pod.phase': pod.phase,
      'k8s.pod.ready': isReady(pod),
      'k8s.pod.reason': pod.reason === undefined ? undefined : redactSecrets(pod.reason),
      'k8s.pod.started_at': pod.startedAt,
      'k8s.pod.ip': pod.ip,
      'k8s.pod.qos_class': pod.qosClass,
      'k8s.pod.priority_class': pod.priorityClass,
      'k8s.pod.restart_policy': pod.restartPolicy,
      'k8s.pod.host_network': pod.hostNetwork,
      'k8s.pod.terminating': pod.deleted !== undefined,
      ...Object.fromEntries(labels.map(([name, value]) => [`k8s.pod.label.${name}` as const, value])),
    },
    relations: [ownerRelation(pod), ...runsOn(pod), ...mounts(pod)],
  })
}

function runsOn({ node }: Pod) {
  if (node === undefined) return []
  return [{ type: 'runs_on' as const, target: namedReference('Node', { namespace: '', name: node }) }]
}

function mounts({ namespace, mounts: { claims, configMaps, secrets } }: Pod) {
  const to = (kind: 'PersistentVolumeClaim' | 'ConfigMap' | 'Secret', names: readonly string[]) =>
    names.map((name) => ({ type: 'mounts' as const, target: namedReference(kind, { namespace, name }) }))
  return [...to('PersistentVolumeClaim', claims), ...to('ConfigMap', configMaps), ...to('Secret', secrets)]
}

function describeContainer(pod: Pod, container: PodContainer): Entity {
  const { name, kind, status } = container
  const { requests: kept, limits } = resourcesOf(container)
  const { state, lastState } = status ?? {}
  return signals.container.entity({
    id: `${pod.uid}/${name}`,
    name,
    attributes: {
      ...containerAttributes(pod, container),
      'k8s.container.kind': kind,
      'k8s.container.state': state?.kind,
      'k8s.container.state_reason': state?.reason,
      'k8s.container.ready': status?.isReady,
      'k8s.container.started_at': state?.startedAt,
      'k8s.container.last_terminated.reason': lastState?.reason,
      'k8s.container.last_terminated.exit_code': lastState?.exitCode,
      'k8s.container.last_terminated.finished_at': lastState?.finishedAt,
      'k8s.container.cpu.request': kept.cpu,
      'k8s.container.cpu.limit': limits.cpu,
      'k8s.container.memory.request': kept.memory,
      'k8s.container.memory.limit': limits.memory,
    },
    relations: [{ type: 'part_of', target: podReference(pod.uid) }],
  })
}

/** What it really has, where a kubelet changed that in place and says so. */
function resourcesOf({ resources, status }: PodContainer): PodContainer['resources'] {
  return status?.actual ?? resources
}

/** As many as are measured of a container that has a state. */
const NOT_YET: readonly undefined[] = [undefined, undefined, undefined, undefined]

function measure(pod: Pod, { name, kind, status }: PodContainer): readonly (Metric | undefined)[] {
  if (status === undefined) return NOT_YET
  const reference = containerReference(pod.uid, name)
  const ended = status.state?.kind === 'terminated' ? status.state : status.lastState
  // An init container that has done its work is neither ready nor waiting.
  const isAtWork = !isOver(pod) && (kind !== 'init' || status.state?.exitCode !== 0)
  return [
    signals.containerReady.point(isAtWork ? Number(status.isReady) : undefined, reference),
    signals.containerRestarts.point(status.restarts, reference),
    isAtWork && status.state?.kind !== 'running' && status.state?.reason !== undefined
      ? signals.containerWaiting.point(1, reference, { 'k8s.container.status.reason': status.state.reason })
      : undefined,
    ended?.exitCode === undefined
      ? undefined
      : signals.containerLastExitCode.point(ended.exitCode, reference, {
          'k8s.container.status.last_terminated_reason': ended.reason,
        }),
  ]
}
