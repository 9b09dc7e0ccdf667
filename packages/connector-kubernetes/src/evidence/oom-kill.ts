import type { ClusterEvent } from '../kinds/event/event.ts'
import type { ClusterChange } from '../kinds/index.ts'
import type { Pod, PodContainer } from '../kinds/pod/pod-projection.ts'
import { containerReference } from '../kinds/references.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { type EndedRun, endedRuns } from './ended-run.ts'
import { latestClusterEvent } from './latest-cluster-event.ts'

/** How long an unexplained kill is held back for evidence that arrives after the container's status. */
const OOM_EVIDENCE_TIMEOUT_MS = 2_000

/**
 * How far apart a node's report of an OOM kill and the end of the container may be. Both have a resolution of a
 * second.
 */
const MAX_REPORT_DISTANCE_MS = 3_000

/** Part of its limit at which a container counts as out of memory. It is measured every few seconds only. */
const FULL_RATIO = 0.9

/**
 * A kill without a reason counts as an OOM kill if the node had ten known ones within a minute before or after it:
 * kubelets drop events about many OOM kills.
 */
const MIN_FREQUENT_KILLS = 10
const FREQUENT_KILLS_WINDOW_MS = 60_000

/** Known OOM kills that are kept per node. */
const MAX_KILLS = 200

/** Nodes whose OOM kills are kept. */
const MAX_NODES = 5_000

const SIGKILL = 9

/** A run of a container that has ended. */
export interface ContainerRun {
  readonly pod: Pod
  readonly container: PodContainer
  readonly run: EndedRun
}

/**
 * Finds out which runs the kernel killed because they were out of memory. Usually the kubelet gives the reason
 * `OOMKilled`. Under load, or if a child process was killed, it may report only exit code 137, at first or for good;
 * the evidence is then in a later status, in the node's events, or in the last memory reading.
 */
export interface OomKills {
  /** Takes note of a change in the cluster that may be evidence. */
  observe(change: ClusterChange): void
  /** Resolves at once, except for an unexplained kill without evidence, which waits up to two seconds for it. */
  isOomKill(ended: ContainerRun, signal: AbortSignal): Promise<boolean>
}

/** Creates an observer for all nodes of a cluster. */
export function createOomKills(client: KubernetesClient): OomKills {
  /** By node name, the newest last. */
  const kills = new Map<string, readonly KnownKill[]>()
  const waiting = new Map<() => void, Pod>()

  const hasEvidence = ({ pod, container, run }: ContainerRun): boolean => {
    if (isOomKilledByStatus(client, pod, container, run)) return true
    if (!isUnexplainedKill(run)) return false
    const onNode = kills.get(pod.node ?? '') ?? []
    const isLikely =
      wasMemoryFull(client, pod, container, run) || isReported(onNode, run) || areFrequent(onNode, container, run)
    // The last check, since it reads every event of the cluster.
    return isLikely && !wasKilledByKubelet(client, pod, container, run)
  }

  const addKills = (node: string, added: readonly KnownKill[]): void => {
    if (added.length === 0) return
    const onNode = [...(kills.get(node) ?? []), ...added].slice(-MAX_KILLS)
    kills.delete(node)
    kills.set(node, onNode)
    const [oldest] = kills.keys()
    if (kills.size > MAX_NODES && oldest !== undefined) kills.delete(oldest)
    checkWaiting((pod) => pod.node === node)
  }

  const checkWaiting = (isAffected: (pod: Pod) => boolean): void => {
    for (const [check, pod] of waiting) if (isAffected(pod)) check()
  }

  return {
    observe: (change) => {
      if (change.kind === 'events' && change.type !== 'deleted' && isOomReport(change.object)) {
        const { about, firstAt, lastAt } = change.object
        const times = change.type === 'added' ? [firstAt, lastAt] : [lastAt]
        const reported = [...new Set(times)].map((time) => ({ at: Date.parse(time ?? ''), isReport: true }))
        addKills(about.name, reported)
      } else if (change.kind === 'nodes' && change.type === 'deleted') kills.delete(change.old.name)
      else if (change.kind === 'pods' && change.object?.node !== undefined) {
        const { uid } = change.object
        const known = change.type === 'added' ? [] : oomKilledRuns(change.old).map(({ id }) => id)
        const added = oomKilledRuns(change.object).filter(({ id }) => !known.includes(id))
        addKills(
          change.object.node,
          added.map(({ end }) => ({ at: Date.parse(end.finishedAt ?? ''), isReport: false })),
        )
        checkWaiting((pod) => pod.uid === uid)
      }
    },
    isOomKill: async (ended, signal) => {
      if (hasEvidence(ended)) return true
      if (!isUnexplainedKill(ended.run) || signal.aborted) return false
      return new Promise<boolean>((resolve) => {
        const settle = (isOomKill: boolean): void => {
          clearTimeout(timer)
          waiting.delete(check)
          signal.removeEventListener('abort', stop)
          resolve(isOomKill)
        }
        const check = (): void => {
          if (hasEvidence(ended)) settle(true)
        }
        const stop = (): void => settle(false)
        const timer = setTimeout(() => settle(hasEvidence(ended)), OOM_EVIDENCE_TIMEOUT_MS)
        signal.addEventListener('abort', stop, { once: true })
        waiting.set(check, ended.pod)
      })
    },
  }
}

interface KnownKill {
  /** In milliseconds since 1970. */
  readonly at: number
  /** True if the node reported it, without the name of the container. */
  readonly isReport: boolean
}

/** Returns whether SIGKILL ended a run and the kubelet gives no reason. */
export function isUnexplainedKill({ end: { exitCode, signal, reason = 'Error' } }: EndedRun): boolean {
  return reason === 'Error' && (signal === SIGKILL || exitCode === 128 + SIGKILL)
}

/** Looks at the status that came with the run, and at the newest one. */
function isOomKilledByStatus(
  { cluster }: KubernetesClient,
  { uid }: Pod,
  { name }: PodContainer,
  run: EndedRun,
): boolean {
  if (run.end.reason === 'OOMKilled') return true
  const status = cluster
    .objects('pods')
    .get(uid)
    ?.containers.find((container) => container.name === name)?.status
  return status !== undefined && endedRuns(status).some(({ id, end }) => id === run.id && end.reason === 'OOMKilled')
}

/** Kubelets report kills of their own, as after a failed liveness probe, before they kill. */
function wasKilledByKubelet(
  { cluster }: KubernetesClient,
  pod: Pod,
  { name }: PodContainer,
  { end }: EndedRun,
): boolean {
  const report = latestClusterEvent(cluster, pod, name, ({ reason }) => reason === 'Killing')
  const at = Date.parse(report?.lastAt ?? '')
  return at >= Date.parse(end.startedAt ?? '') && at <= Date.parse(end.finishedAt ?? '') + MAX_REPORT_DISTANCE_MS
}

function wasMemoryFull(
  { lastMemory }: KubernetesClient,
  pod: Pod,
  container: PodContainer,
  { end }: EndedRun,
): boolean {
  const limit = memoryLimit(container)
  const memory = lastMemory.of(containerReference(pod.uid, container.name).id)
  if (limit === undefined || memory === undefined) return false
  const isOfThisRun = memory.at.getTime() >= Date.parse(end.startedAt ?? '')
  return isOfThisRun && memory.workingSet >= limit * FULL_RATIO
}

function memoryLimit({ status, resources }: PodContainer): number | undefined {
  return (status?.actual ?? resources).limits.memory
}

function oomKilledRuns({ containers }: Pod): readonly EndedRun[] {
  return containers
    .flatMap(({ status }) => (status === undefined ? [] : endedRuns(status)))
    .filter(({ end }) => end.reason === 'OOMKilled')
}

/** `SystemOOM` of the kubelet, `OOMKilling` of the node problem detector. Neither names the container. */
function isOomReport({ about, reason }: ClusterEvent): boolean {
  return about.kind === 'Node' && (reason === 'SystemOOM' || reason === 'OOMKilling')
}

function isReported(kills: readonly KnownKill[], { end }: EndedRun): boolean {
  const startedAt = Date.parse(end.startedAt ?? '')
  const finishedAt = Date.parse(end.finishedAt ?? '')
  return kills.some(
    ({ at, isReport }) => isReport && !(at < startedAt - 1_000) && Math.abs(at - finishedAt) <= MAX_REPORT_DISTANCE_MS,
  )
}

function areFrequent(kills: readonly KnownKill[], container: PodContainer, { end }: EndedRun): boolean {
  if (memoryLimit(container) === undefined) return false
  const finishedAt = Date.parse(end.finishedAt ?? '')
  const recent = kills.filter(({ at }) => Math.abs(finishedAt - at) <= FREQUENT_KILLS_WINDOW_MS)
  return recent.length >= MIN_FREQUENT_KILLS
}
