import {
  type Collector,
  type Entity,
  entity,
  inTimeSlices,
  type Metric,
  metric,
  type NameFilter,
  redactSecrets,
} from '@rca/core/connector'
import { commonAttributes, container, ownedByWorkload, ownerRelation, pod, upDownCounter } from '../common-signals.ts'
import { KIND_TIMEOUT, type KindClient, type KindSource, kindCollector } from '../kind-collector.ts'
import { isReady } from '../metadata.ts'
import { containerReference, namedReference, podReference } from '../references.ts'
import { containerAttributes, isOver } from './pod-attributes.ts'
import type { Pod, PodContainer } from './pod-projection.ts'

export const podSignals = {
  pod: entity({
    type: 'k8s.pod',
    description: 'A pod.',
    attributes: {
      ...pod,
      'k8s.pod.created': 'Creation time. ISO 8601.',
      'k8s.pod.label.*': 'Labels that `object_labels` allows.',
      'k8s.pod.phase': '`Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.',
      'k8s.pod.ready': 'Whether the pod is ready.',
      'k8s.pod.reason': 'Reason of the phase, such as `Evicted`.',
      'k8s.pod.started_at': 'When a kubelet accepted the pod. ISO 8601.',
      'k8s.pod.ip': 'IP address.',
      'k8s.pod.qos_class': '`Guaranteed`, `Burstable` or `BestEffort`.',
      'k8s.pod.priority_class': 'Priority class.',
      'k8s.pod.restart_policy': '`Always`, `OnFailure` or `Never`.',
      'k8s.pod.host_network': 'Whether the pod uses the network of its node.',
      'k8s.pod.terminating': 'Whether the pod is being deleted.',
      'k8s.pod.scheduling_gates': 'Gates that keep the scheduler from looking for a node.',
    },
    relations: { ...ownedByWorkload, runs_on: 'The node.', mounts: 'Claims, ConfigMaps and Secrets that it mounts.' },
  }),
  container: entity({
    type: 'k8s.container',
    description: 'A container of a pod, in all of its runs.',
    attributes: {
      ...container,
      'k8s.container.kind': '`container`, `init`, `sidecar` or `ephemeral`.',
      'k8s.container.state': '`waiting`, `running` or `terminated`.',
      'k8s.container.state_reason': 'Reason of the state, such as `CrashLoopBackOff`.',
      'k8s.container.ready': 'Whether the container is ready.',
      'k8s.container.started_at': 'Start of the latest run. ISO 8601.',
      'k8s.container.last_terminated.reason': 'Why the previous run ended.',
      'k8s.container.last_terminated.exit_code': 'Exit code of the previous run.',
      'k8s.container.last_terminated.finished_at': 'End of the previous run. ISO 8601.',
      'k8s.container.cpu.request': 'CPU request.',
      'k8s.container.cpu.limit': 'CPU limit.',
      'k8s.container.memory.request': 'Memory request. Bytes.',
      'k8s.container.memory.limit': 'Memory limit. Bytes.',
    },
    relations: { part_of: 'The pod.' },
  }),
  podPhase: metric({
    name: 'k8s.pod.phase',
    unit: '1',
    kind: 'gauge',
    description: 'Phase of a pod: 1 `Pending`, 2 `Running`, 3 `Succeeded`, 4 `Failed`, 5 `Unknown`.',
  }),
  podReady: upDownCounter('k8s.pod.ready', '1', 'Whether a pod is ready: 1 or 0.'),
  containerReady: upDownCounter('k8s.container.ready', '{container}', 'Whether a container is ready: 1 or 0.'),
  containerRestarts: metric({
    name: 'k8s.container.restart.count',
    unit: '{restart}',
    kind: 'counter',
    description: 'Restarts of a container in its pod. A kubelet counts as long as it keeps the runs.',
  }),
  containerWaiting: upDownCounter(
    'k8s.container.status.reason',
    '{container}',
    'A container that is not running, by reason; absent for a running container.',
    { 'k8s.container.status.reason': 'Reason, such as `CrashLoopBackOff` or `OOMKilled`.' },
  ),
  containerLastExitCode: metric({
    name: 'k8s.container.status.last_terminated_exitcode',
    unit: '1',
    kind: 'gauge',
    description: 'Exit code of the previous run of a container.',
    attributes: { 'k8s.container.status.last_terminated_reason': 'Why it ended, such as `OOMKilled` or `Error`.' },
  }),
  containerCpuRequest: upDownCounter(
    'k8s.container.cpu.request.current',
    '{cpu}',
    'Present CPU request of a container.',
  ),
  containerCpuLimit: upDownCounter('k8s.container.cpu.limit.current', '{cpu}', 'Present CPU limit of a container.'),
  containerMemoryRequest: upDownCounter(
    'k8s.container.memory.request.current',
    'By',
    'Present memory request of a container.',
  ),
  containerMemoryLimit: upDownCounter(
    'k8s.container.memory.limit.current',
    'By',
    'Present memory limit of a container.',
  ),
}

const signals = podSignals

/** Values of `k8s.pod.phase`, as in the OpenTelemetry Collector. */
const PHASES: Readonly<Record<string, number>> = { Pending: 1, Running: 2, Succeeded: 3, Failed: 4, Unknown: 5 }

export const pods = kindCollector('pods', {
  type: signals.pod.type,
  entity: describePod,
  parts: (pod) => pod.containers.map((one) => describeContainer(pod, one)),
  metrics: (pod, entity) => [
    signals.podPhase.point(PHASES[pod.phase ?? ''], entity),
    signals.podReady.point(isOver(pod) ? undefined : Number(isReady(pod)), entity),
    ...pod.containers.flatMap((container) => measure(pod, container)),
  ],
})

/** Reports requests and limits of containers. Rarely: they seldom change, and the container's entity has them. */
export const requests: Collector<KindClient<KindSource<'pods', Pod>>> = {
  interval: '5m',
  timeout: KIND_TIMEOUT,
  async collect({ cluster }, { signal }) {
    await cluster.listed(signal)
    // The collector of the pods themselves, which runs more often, reports what is missing.
    if (cluster.syncStatus('pods')?.isCurrent !== true) return {}
    const objects = cluster.objects('pods')
    const metrics: (Metric | undefined)[] = []
    for await (const slice of inTimeSlices([...objects.values()]))
      for (const pod of slice)
        if (!isOver(pod)) metrics.push(...pod.containers.flatMap((one) => measureRequests(pod, one)))
    return { metrics }
  },
}

function measureRequests({ uid }: Pod, container: PodContainer): (Metric | undefined)[] {
  const reference = containerReference(uid, container.name)
  const { requests, limits } = resourcesOf(container)
  return [
    signals.containerCpuRequest.point(requests.cpu, reference),
    signals.containerCpuLimit.point(limits.cpu, reference),
    signals.containerMemoryRequest.point(requests.memory, reference),
    signals.containerMemoryLimit.point(limits.memory, reference),
  ]
}

function describePod(pod: Pod, allowsLabel: NameFilter): Entity {
  return signals.pod.entity({
    id: pod.uid,
    name: pod.name,
    attributes: {
      ...commonAttributes('pod', pod, allowsLabel),
      'k8s.node.name': pod.node,
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
      'k8s.pod.scheduling_gates': pod.schedulingGates.length === 0 ? undefined : pod.schedulingGates,
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
  const { requests, limits } = resourcesOf(container)
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
      'k8s.container.cpu.request': requests.cpu,
      'k8s.container.cpu.limit': limits.cpu,
      'k8s.container.memory.request': requests.memory,
      'k8s.container.memory.limit': limits.memory,
    },
    relations: [{ type: 'part_of', target: podReference(pod.uid) }],
  })
}

/** Prefers the resources that a kubelet reports after an in-place resize. */
function resourcesOf({ resources, status }: PodContainer): PodContainer['resources'] {
  return status?.actual ?? resources
}

/** As many places as `measure` returns for a container that has a status. */
const NO_STATUS: readonly undefined[] = [undefined, undefined, undefined, undefined]

function measure(pod: Pod, { name, kind, status }: PodContainer): readonly (Metric | undefined)[] {
  if (status === undefined) return NO_STATUS
  const reference = containerReference(pod.uid, name)
  const ended = status.state?.kind === 'terminated' ? status.state : status.lastState
  // A completed init container is neither ready nor waiting.
  const isActive = !isOver(pod) && (kind !== 'init' || status.state?.exitCode !== 0)
  return [
    signals.containerReady.point(isActive ? Number(status.isReady) : undefined, reference),
    signals.containerRestarts.point(status.restarts, reference),
    isActive && status.state?.kind !== 'running' && status.state?.reason !== undefined
      ? signals.containerWaiting.point(1, reference, { 'k8s.container.status.reason': status.state.reason })
      : undefined,
    ended?.exitCode === undefined
      ? undefined
      : signals.containerLastExitCode.point(ended.exitCode, reference, {
          'k8s.container.status.last_terminated_reason': ended.reason,
        }),
  ]
}
