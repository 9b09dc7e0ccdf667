import { createHash } from 'node:crypto'
import type { Event } from '@rca/core/connector'
import { componentMessage } from '../../evidence/component-message.ts'
import { endedRuns, neverRan } from '../../evidence/ended-run.ts'
import { lastReport } from '../../evidence/last-report.ts'
import type { Pod, PodContainer } from '../../kinds/pod/pod.ts'
import { containerReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { signals } from '../../signals.ts'
import { called, containerAttributes } from './container-attributes.ts'

/** What kind of failure a reason stands for. Kubelets change between reasons of one kind while they try. */
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

/** Pods of one revision that fail within so long fail for the same cause, in milliseconds. */
const WINDOW = 600_000

/** Groups that are remembered. */
const MOST = 10_000

/** A container that cannot be started. */
interface StartFailure {
  readonly kind: StartFailureKind
  readonly reason: string
  readonly message: string | undefined
}

/** Pods of one revision that fail alike. */
interface Group {
  /** The pod after which it is called. */
  readonly anchor: string
  readonly pods: number
  readonly last: number
}

/** Tells of containers that cannot be started, once for all pods of a revision and then at the 10th, 100th, … pod. */
export interface StartFailures {
  /** @param isTold whether it is told; what happened long ago is only noted */
  look(pod: Pod, container: PodContainer, now: Date, isTold: boolean): Event | undefined
  forget(podUid: string): void
}

/** Has seen none yet. */
export function createStartFailures(client: KubernetesClient): StartFailures {
  const seen = new Map<string, Set<string>>()
  const groups = new Map<string, Group>()
  return {
    forget: (podUid) => void seen.delete(podUid),
    look: (pod, container, now, isTold) => {
      const failure = startFailure(container)
      // What could be had and configured, and cannot after a restart, is another failure. Starts fail in turns.
      if (container.status?.state?.kind === 'running')
        for (const kind of ['image', 'config']) seen.get(pod.uid)?.delete(`${container.name}/${kind}`)
      if (failure === undefined || !isNew(seen, pod, `${container.name}/${failure.kind}`)) return undefined
      const key = [pod.owner?.uid ?? pod.uid, container.name, failure.kind, container.image].join('/')
      const before = groups.get(key)
      const isSame = before !== undefined && now.getTime() - before.last <= WINDOW
      const group = {
        anchor: isSame ? before.anchor : firstToFail(client, pod, container, failure.kind),
        pods: isSame ? before.pods + 1 : 1,
        last: now.getTime(),
      }
      groups.delete(key)
      groups.set(key, group)
      const [oldest] = groups.keys()
      if (groups.size > MOST && oldest !== undefined) groups.delete(oldest)
      const isMilestone = Number.isInteger(Math.log10(group.pods))
      return isTold && isMilestone ? describe(client, pod, container, failure, group, now) : undefined
    },
  }
}

/** Why a container cannot be started, if that is so. */
function startFailure({ status, kind: container }: PodContainer): StartFailure | undefined {
  if (status === undefined || container === 'ephemeral') return undefined
  const { state } = status
  const kind = state?.kind === 'waiting' ? KINDS[state.reason ?? ''] : undefined
  if (kind !== undefined) return { kind, reason: state?.reason ?? '', message: state?.message }
  const run = endedRuns(status).findLast(neverRan)
  // One that has begun since did run.
  if (run === undefined || state?.kind === 'running') return undefined
  return { kind: 'runtime', reason: run.end.reason ?? '', message: run.end.message }
}

function isNew(seen: Map<string, Set<string>>, { uid }: Pod, failure: string): boolean {
  const known = seen.get(uid) ?? new Set()
  if (known.has(failure)) return false
  seen.set(uid, known.add(failure))
  return true
}

/** The oldest pod of the revision that fails alike: whoever looks later finds the same one, and calls the failure after it. */
function firstToFail({ cluster }: KubernetesClient, pod: Pod, { name, image }: PodContainer, kind: string): string {
  let first = pod
  for (const other of pod.owner === undefined ? [] : cluster.objects('pods').values()) {
    if (other.owner?.uid !== pod.owner?.uid || ageOrder(other) >= ageOrder(first)) continue
    const container = other.containers.find((one) => one.name === name && one.image === image)
    if (container !== undefined && startFailure(container)?.kind === kind) first = other
  }
  const status = first.containers.find((one) => one.name === name)?.status
  const runs = status === undefined ? 0 : (endedRuns(status).at(-1)?.count ?? 0)
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
  { anchor, pods }: Group,
  now: Date,
): Event {
  const text = componentMessage(messageOf(client, pod, container, message) ?? '')
  const others = pods === 1 ? '' : ` (${pods} pods of its revision so far)`
  const image = createHash('sha256').update(container.image).digest('hex').slice(0, 12)
  return signals.containerStartFailed.event({
    id: `${anchor}/${container.name}/start_failed/${kind}/${image}/${pods}`,
    at: now,
    entity: containerReference(pod.uid, container.name),
    body: `${called(pod, container)} cannot be started${others}: ${[reason, text].filter((part) => part !== '').join(': ')}`,
    attributes: {
      ...containerAttributes(client, pod, container),
      'k8s.container.state_reason': reason,
      'k8s.container.start_failed.kind': kind,
      'k8s.container.error': text === '' ? undefined : text,
      'k8s.workload.pods_affected': pods,
    },
  })
}

/** Why an image could not be pulled stands in the state for some seconds only, then that it is tried again later. */
function messageOf(client: KubernetesClient, pod: Pod, container: PodContainer, message: string | undefined) {
  if (message !== undefined && !message.startsWith('Back-off')) return message
  const report = lastReport(
    client.cluster,
    pod,
    container.name,
    (event) => event.reason === 'Failed' && event.message.startsWith('Failed to pull'),
  )
  return report?.message ?? message
}
