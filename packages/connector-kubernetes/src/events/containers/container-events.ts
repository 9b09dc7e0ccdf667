import { createEventSampler, type Watcher } from '@rca/core/connector'
import { type EndedRun, endedRuns, failedToStart, isCrash } from '../../evidence/ended-run.ts'
import { kubeletKill } from '../../evidence/kubelet-kill.ts'
import { type ContainerRun, createOomKills, isUnexplainedKill } from '../../evidence/oom-kill.ts'
import { podGroup } from '../../evidence/owner-workload.ts'
import { readRunEvidence } from '../../evidence/run-evidence.ts'
import type { Pod, PodContainer } from '../../kinds/pod/pod-projection.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { timeoutSignal } from '../../timeout-signal.ts'
import { type ClusterWatchContext, watchCluster } from '../cluster-watcher.ts'
import { createConcurrencyLimit } from '../concurrency-limit.ts'
import { isRecent } from '../occurrence.ts'
import { type ContainerEnd, describeEnd } from './container-end.ts'
import { resized } from './resizes.ts'
import { createEndSampler } from './restart-loop.ts'
import { createStartFailures } from './start-failures.ts'

/** Evidence that has not been read by then is left out of the event. */
const EVIDENCE_TIMEOUT_MS = 3_000

const MAX_CONCURRENT_READS = 4

/** Emits crashes with their evidence, restart loops, and containers that cannot be started. */
export const containerEvents: Watcher<KubernetesClient> = watchCluster((client, context) => {
  const oomKills = createOomKills(client)
  const reportEnd = createEndReporter(client, context, oomKills.isOomKill)
  const failures = createStartFailures(client)
  const sampleEnd = createEndSampler()

  const inspect = (pod: Pod, old: Pod | undefined, isInitial: boolean): void => {
    const now = context.now()
    for (const container of pod.containers) {
      if (container.status === undefined || container.kind === 'ephemeral') continue
      for (const run of newRuns(container, old)) {
        const reported = sampleEnd(pod, container.name, run, now)
        if (reported === undefined || (isInitial && !isRecent(run.end.finishedAt, now))) continue
        if (isExpected(client, pod, container, run, reported.loopAt === undefined)) continue
        reportEnd({ pod, container, run, reported, seenAt: now })
      }
      if (old !== undefined) context.emit(resized(client, pod, container, old, now))
      const isReported = !isInitial || isRecent(container.status.lastState?.finishedAt ?? pod.created, now)
      if (pod.deleted === undefined) context.emit(failures.inspect(pod, container, now, isReported))
    }
  }

  return (change) => {
    oomKills.observe(change)
    if (change.kind !== 'pods') return
    if (change.type === 'added') return inspect(change.object, undefined, change.isInitial)
    if (change.object !== undefined) inspect(change.object, change.old, false)
    if (change.type === 'deleted') failures.forget(change.old.uid)
  }
})

/**
 * Reports ends of containers with their evidence, which is read for a few ends at a time. Ends that are equally
 * frequent in pods of the same workload are sampled, except for OOM kills.
 */
function createEndReporter(
  client: KubernetesClient,
  { signal, emit, inBackground, now }: ClusterWatchContext,
  isOomKill: (ended: ContainerRun, signal: AbortSignal) => Promise<boolean>,
): (end: ContainerEnd) => void {
  const limit = createConcurrencyLimit(MAX_CONCURRENT_READS)
  const sampler = createEventSampler()
  return (end) => {
    const { pod, container, run: ended, reported } = end
    // Starts now: a crash that waits for its turn is not reported later than others.
    const timeout = timeoutSignal(EVIDENCE_TIMEOUT_MS, signal)
    const readEvidence = () => limit(() => readRunEvidence(client, pod, container.name, ended, timeout))
    const describe = describeEnd(client, end)
    inBackground(async () => {
      // The log may be rotated away while evidence of an OOM kill is awaited.
      const early = isUnexplainedKill(ended) ? readEvidence() : undefined
      const isOomKilled = await isOomKill(end, signal)
      const key = `${podGroup(client.cluster, pod)} ${container.name} ${reported.sample.milestone}`
      const sample = isOomKilled ? undefined : sampler.sample(key, { at: now() })
      if (!isOomKilled && sample === undefined) return
      const evidence = await (early ?? readEvidence())
      // An agent that stops has no time for evidence. The next agent reports the end.
      if (!signal.aborted) emit(describe({ evidence, isOomKilled, sample }))
    })
  }
}

/** Runs that have ended since the pod's previous version. */
function newRuns({ name, status }: PodContainer, old: Pod | undefined): readonly EndedRun[] {
  const known = endedRuns(old?.containers.find((container) => container.name === name)?.status)
  return endedRuns(status).filter(({ id }) => !known.some((run) => run.id === id))
}

/**
 * Returns whether an end needs no report: a success, unless it is part of a loop, or the kubelet killed the container
 * because of a probe or hook; a failed start, which has an event of its own; an end of a container whose pod was
 * deleted or evicted, or of a sidecar after its pod has done its work.
 */
function isExpected(
  { cluster }: KubernetesClient,
  pod: Pod,
  container: PodContainer,
  run: EndedRun,
  isSingle: boolean,
): boolean {
  if (isSingle && failedToStart(run)) return true
  if (isSingle && !isCrash(run) && kubeletKill(cluster, pod, container.name, run)?.cause === undefined) return true
  if (run.end.reason !== 'OOMKilled' && (pod.deleted !== undefined || isAfterWork(pod, container, run))) return true
  return pod.phase === 'Failed' && pod.reason !== undefined
}

/** Kubelets stop sidecars when all regular containers of the pod have ended for good. */
function isAfterWork({ containers, restartPolicy }: Pod, { kind }: PodContainer, { end }: EndedRun): boolean {
  if (kind !== 'sidecar') return false
  return containers
    .filter((one) => one.kind === 'container')
    .every(({ status }) => {
      const state = status?.state
      if (state?.kind !== 'terminated') return false
      const isForGood = restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && state.exitCode === 0)
      return isForGood && !(Date.parse(end.finishedAt ?? '') < Date.parse(state.finishedAt ?? ''))
    })
}
