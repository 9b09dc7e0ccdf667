import { exitSignal } from '@rca/core/connector'
import type { EndedRun } from '../../evidence/ended-run.ts'
import { podAttributes } from '../../evidence/owner-workload.ts'
import type { Pod, PodContainer } from '../../kinds/pod/pod-projection.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'

/** The container, its pod and its workload. */
export function containerAttributes({ cluster }: KubernetesClient, pod: Pod, container: PodContainer) {
  return {
    ...podAttributes(cluster, pod),
    'k8s.container.name': container.name,
    'k8s.container.kind': container.kind,
    'container.image.name': container.image,
    'container.image.id': container.status?.imageId,
  }
}

/** How a run ended. */
export function runAttributes(container: PodContainer, run: EndedRun) {
  const { exitCode, signal, startedAt, finishedAt, reason, containerId } = run.end
  return {
    'container.id': containerId?.replace(/^.*:\/\//, ''),
    'container.exit_code': exitCode,
    'container.exit_signal': signalName(exitCode, signal),
    'container.started_at': startedAt,
    'container.finished_at': finishedAt,
    'k8s.container.last_terminated.reason': reason,
    'k8s.container.restart.count': container.status?.restarts,
  }
}

/** Requests and limits: those in force where the kubelet reports them, or else those of the pod's specification. */
export function resourceAttributes({ resources, status }: PodContainer) {
  const { requests, limits } = status?.actual ?? resources
  return {
    'k8s.container.cpu.request': requests.cpu,
    'k8s.container.cpu.limit': limits.cpu,
    'k8s.container.memory.request': requests.memory,
    'k8s.container.memory.limit': limits.memory,
  }
}

/** `Container app of pod shop/web-1` */
export function containerTitle(pod: Pod, { kind, name }: PodContainer): string {
  const what = kind === 'container' ? 'Container' : `${kind === 'init' ? 'Init' : 'Sidecar'} container`
  return `${what} ${name} of pod ${pod.namespace}/${pod.name}`
}

/** Name of the signal that ended a run, as the runtime reports it or the exit code implies. */
export function signalName(exitCode: number | undefined, signal: number | undefined): string | undefined {
  return (signal === undefined || signal === 0 ? undefined : exitSignal(128 + signal)) ?? exitSignal(exitCode)
}
