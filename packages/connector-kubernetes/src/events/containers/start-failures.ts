import { createHash } from 'node:crypto'
import { createEventSampler, type Event, type EventSample } from '@rca/core/connector'
import { componentMessage } from '../../evidence/component-message.ts'
import { endedRuns, failedToStart } from '../../evidence/ended-run.ts'
import { latestClusterEvent } from '../../evidence/latest-cluster-event.ts'
import type { ClusterEvent } from '../../kinds/event/event.ts'
import type { Pod, PodContainer } from '../../kinds/pod/pod-projection.ts'
import { containerReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { containerAttributes, containerTitle } from './container-attributes.ts'
import { signals } from './signals.ts'

/** The kind of failure that a reason stands for. Kubelets alternate between reasons of one kind while they retry. */
const KINDS: Readonly<Record<string, StartFailureKind>> = {
  ErrImagePull: 'image',
  ImagePullBackOff: 'image',
  InvalidImageName: 'image',
  ErrImageNeverPull: 'image',
  ImageInspectError: 'image',
  RegistryUnavailable: 'image',
  SignatureValidationFailed: 'image',
  CreateContainerConfigError: 'config',
  CreateContainerError: 'runtime',
  RunContainerError: 'runtime',
  ContainerCannotRun: 'runtime',
  StartError: 'runtime',
  PreCreateHookError: 'runtime',
  PreStartHookError: 'runtime',
  PostStartHookError: 'runtime',
}

type StartFailureKind = 'image' | 'config' | 'runtime'

interface StartFailure {
  readonly kind: StartFailureKind
  readonly reason: string
  readonly message: string | undefined
}

/** Finds containers that cannot be started, and samples those of a revision together. */
export function createStartFailures(client: KubernetesClient) {
  /** Pod uid → `container/kind` of its failures. */
  const known = new Map<string, Set<string>>()
  const sampler = createEventSampler()
  return {
    forget: (podUid: string) => void known.delete(podUid),
    /** @param isReported false for a failure that is only noted because it is old */
    inspect: (pod: Pod, container: PodContainer, now: Date, isReported: boolean): Event | undefined => {
      const failure = startFailure(container)
      // A pulled image or a configuration that is missing after a restart is another failure. Starts of a runtime
      // fail in turns.
      if (container.status?.state?.kind === 'running')
        for (const kind of ['image', 'config']) known.get(pod.uid)?.delete(`${container.name}/${kind}`)
      if (failure === undefined || !isNew(known, pod, `${container.name}/${failure.kind}`)) return undefined
      const revision = [pod.owner?.uid ?? pod.uid, container.name, failure.kind, container.image].join('/')
      const series = () => firstToFail(client, pod, container, failure.kind)
      const sample = sampler.sample(revision, { at: now, series })
      return isReported && sample !== undefined ? describe(client, pod, container, failure, sample, now) : undefined
    },
  }
}

function startFailure({ status, kind: container }: PodContainer): StartFailure | undefined {
  if (status === undefined || container === 'ephemeral') return undefined
  const { state } = status
  const kind = state?.kind === 'waiting' ? KINDS[state.reason ?? ''] : undefined
  if (kind !== undefined) return { kind, reason: state?.reason ?? '', message: state?.message }
  const run = endedRuns(status).findLast(failedToStart)
  if (run === undefined || state?.kind === 'running') return undefined
  return { kind: 'runtime', reason: run.end.reason ?? '', message: run.end.message }
}

function isNew(known: Map<string, Set<string>>, { uid }: Pod, failure: string): boolean {
  const failures = known.get(uid) ?? new Set()
  if (failures.has(failure)) return false
  known.set(uid, failures.add(failure))
  return true
}

/** Names the oldest pod of the revision with the same failure: every agent finds the same pod. */
function firstToFail({ cluster }: KubernetesClient, pod: Pod, { name, image }: PodContainer, kind: string): string {
  let first = pod
  for (const other of pod.owner === undefined ? [] : cluster.objects('pods').values()) {
    if (other.owner?.uid !== pod.owner?.uid || ageOrder(other) >= ageOrder(first)) continue
    const container = other.containers.find((one) => one.name === name && one.image === image)
    if (container !== undefined && startFailure(container)?.kind === kind) first = other
  }
  const status = first.containers.find((one) => one.name === name)?.status
  const runs = endedRuns(status).at(-1)?.count ?? 0
  // Each start that the runtime refuses is an ended run.
  return kind === 'runtime' || runs === 0 ? first.uid : `${first.uid}/${runs}`
}

function ageOrder({ created = '', name }: Pod): string {
  return `${created} ${name}`
}

function describe(
  client: KubernetesClient,
  pod: Pod,
  container: PodContainer,
  { kind, reason, message }: StartFailure,
  { series, milestone: pods }: EventSample,
  now: Date,
): Event {
  const text = componentMessage(messageOf(client, pod, container, message) ?? '')
  const others = pods === 1 ? '' : ` (${pods} pods of its revision so far)`
  const image = createHash('sha256').update(container.image).digest('hex').slice(0, 12)
  return signals.containerStartFailed.event({
    id: `${series}/${container.name}/start_failed/${kind}/${image}/${pods}`,
    at: now,
    entity: containerReference(pod.uid, container.name),
    body: `${containerTitle(pod, container)} cannot be started${others}: ${[reason, text].filter(Boolean).join(': ')}`,
    attributes: {
      ...containerAttributes(client, pod, container),
      'k8s.container.state_reason': reason,
      'k8s.container.start_failed.kind': kind,
      'k8s.container.error': text === '' ? undefined : text,
      'k8s.workload.pods_affected': pods,
    },
  })
}

/** The state contains the error of a pull for some seconds, then a back-off; the kubelet's event keeps the error. */
function messageOf(client: KubernetesClient, pod: Pod, container: PodContainer, message: string | undefined) {
  if (message !== undefined && !message.startsWith('Back-off')) return message
  const isPullFailure = (event: ClusterEvent) => event.reason === 'Failed' && event.message.startsWith('Failed to pull')
  return latestClusterEvent(client.cluster, pod, container.name, isPullFailure)?.message ?? message
}
