import type { ClusterChange } from '../kinds/index.ts'
import type { Pod, PodContainer } from '../kinds/pod/pod-projection.ts'
import { containerReference } from '../kinds/references.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { type EndedRun, endedRuns } from './ended-run.ts'
import { kubeletKill } from './kubelet-kill.ts'
import { createRepeatedOomReports, isOomReport } from './repeated-oom-report.ts'

/**
 * How long an unexplained kill is held back for evidence that arrives after the container's status. A kubelet on a busy
 * node sends its reports seconds later.
 */
const OOM_EVIDENCE_TIMEOUT_MS = 4_000

/** How far a node's report of an OOM kill and the end of the container, both in seconds, may be apart. */
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
const MAX_NODES = 5_000

const SIGKILL = 9

/** A run of a container that has ended. */
export interface ContainerRun {
  readonly pod: Pod
  readonly container: PodContainer
  readonly run: EndedRun
}

interface KnownKill {
  /** In milliseconds since 1970. */
  readonly at: number
  /** True if the node reported it, without the name of the container. */
  readonly isReport: boolean
}

/**
 * Finds out which runs the kernel killed because they were out of memory. Usually the kubelet gives the reason
 * `OOMKilled`. Under load, or if a child process was killed, it may report only exit code 137, at first or for good;
 * the evidence is then in a later status, in the node's events, or in the last memory reading.
 */
export function createOomKills(client: KubernetesClient) {
  const isRepeated = createRepeatedOomReports()
  /** By node name, the newest last. */
  const kills = new Map<string, readonly KnownKill[]>()
  const waiting = new Map<() => void, Pod>()

  const hasEvidence = (ended: ContainerRun): boolean => {
    if (isOomKilledByStatus(client, ended)) return true
    if (!isUnexplainedKill(ended.run)) return false
    const onNode = kills.get(ended.pod.node ?? '') ?? []
    const isLikely = wasMemoryFull(client, ended) || isReported(onNode, ended) || areFrequent(onNode, ended)
    // The last check, since it reads every event of the cluster.
    return isLikely && kubeletKill(client.cluster, ended.pod, ended.container.name, ended.run) === undefined
  }

  const addKills = (node: string, times: readonly number[], isReport: boolean): void => {
    if (times.length === 0) return
    const added = times.map((at) => ({ at, isReport }))
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
    /** Takes note of a change in the cluster that may be evidence. */
    observe: (change: ClusterChange): void => {
      if (change.kind === 'events' && change.type !== 'deleted' && isOomReport(change.object)) {
        if (change.type === 'added' && isRepeated(change.object)) return
        const { about, firstAt, lastAt } = change.object
        const times = new Set(change.type === 'added' ? [firstAt, lastAt] : [lastAt])
        addKills(about.name, [...times].map(timeOf), true)
      } else if (change.kind === 'nodes' && change.type === 'deleted') kills.delete(change.old.name)
      else if (change.kind === 'pods' && change.object?.node !== undefined) {
        const { uid } = change.object
        const known = change.type === 'added' ? [] : oomKilledRuns(change.old).map(({ id }) => id)
        const added = oomKilledRuns(change.object).filter(({ id }) => !known.includes(id))
        addKills(
          change.object.node,
          added.map(({ end }) => timeOf(end.finishedAt)),
          false,
        )
        checkWaiting((pod) => pod.uid === uid)
      }
    },
    /** Resolves at once, except for an unexplained kill without evidence, which waits up to four seconds for it. */
    isOomKill: async (ended: ContainerRun, signal: AbortSignal): Promise<boolean> => {
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

/** Returns whether SIGKILL ended a run and the kubelet gives no reason. */
export function isUnexplainedKill({ end: { exitCode, signal, reason = 'Error' } }: EndedRun): boolean {
  return reason === 'Error' && (signal === SIGKILL || exitCode === 128 + SIGKILL)
}

/** Looks at the status that came with the run, and at the newest one. */
function isOomKilledByStatus({ cluster }: KubernetesClient, { pod, container, run }: ContainerRun): boolean {
  if (run.end.reason === 'OOMKilled') return true
  const newest = cluster.objects('pods').get(pod.uid)
  const status = newest?.containers.find(({ name }) => name === container.name)?.status
  return endedRuns(status).some(({ id, end }) => id === run.id && end.reason === 'OOMKilled')
}

function wasMemoryFull({ lastMemory }: KubernetesClient, { pod, container, run: { end } }: ContainerRun): boolean {
  const limit = memoryLimit(container)
  const memory = lastMemory.of(containerReference(pod.uid, container.name).id)
  if (limit === undefined || memory === undefined) return false
  return memory.at.getTime() >= timeOf(end.startedAt) && memory.workingSet >= limit * FULL_RATIO
}

function memoryLimit({ status, resources }: PodContainer): number | undefined {
  return (status?.actual ?? resources).limits.memory
}

function oomKilledRuns({ containers }: Pod): readonly EndedRun[] {
  return containers.flatMap(({ status }) => endedRuns(status)).filter(({ end }) => end.reason === 'OOMKilled')
}

function isReported(kills: readonly KnownKill[], { run: { end } }: ContainerRun): boolean {
  const [startedAt, finishedAt] = [timeOf(end.startedAt), timeOf(end.finishedAt)]
  return kills.some(
    ({ at, isReport }) => isReport && !(at < startedAt - 1_000) && Math.abs(at - finishedAt) <= MAX_REPORT_DISTANCE_MS,
  )
}

function areFrequent(kills: readonly KnownKill[], { container, run: { end } }: ContainerRun): boolean {
  if (memoryLimit(container) === undefined) return false
  const finishedAt = timeOf(end.finishedAt)
  const recent = kills.filter(({ at }) => Math.abs(finishedAt - at) <= FREQUENT_KILLS_WINDOW_MS)
  return recent.length >= MIN_FREQUENT_KILLS
}

/** Milliseconds since 1970; `NaN`, to which no comparison applies, for an unknown time. */
function timeOf(time: string | undefined): number {
  return Date.parse(time ?? '')
}
