import { createEventSampler, type EventSample, type Watcher } from '@rca/core/connector'
import { componentMessage } from '../../evidence/component-message.ts'
import { withServersUid } from '../../evidence/latest-cluster-event.ts'
import { podGroup } from '../../evidence/owner-workload.ts'
import { createRepeatedOomReports } from '../../evidence/repeated-oom-report.ts'
import { readRedactor } from '../../evidence/run-evidence.ts'
import type { ClusterEvent } from '../../kinds/event/event.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { timeoutSignal } from '../../timeout-signal.ts'
import { type ClusterWatchContext, watchCluster } from '../cluster-watcher.ts'
import { createConcurrencyLimit } from '../concurrency-limit.ts'
import { isRecent } from '../occurrence.ts'
import { describeWarning, type Warning } from './describe-warning.ts'
import { evictionOf, gated, type PodProblem, reportedEviction, schedulingId, unschedulable } from './pod-problems.ts'
import { isWrittenByContainer, probeKind, seriesKey, type WarningKind, warningKind } from './warning-kinds.ts'

/** Messages whose secrets cannot be found out by then are left out. */
const REDACTION_TIMEOUT_MS = 3_000

const MAX_CONCURRENT_READS = 4

const MAX_REMEMBERED_IDS = 20_000

/** Emits warnings of the cluster's components, evictions, and pods that no node can take. */
export const clusterWarnings: Watcher<KubernetesClient> = watchCluster((client, context) => {
  const { now, emit } = context
  const repetitions = createEventSampler()
  const objects = createEventSampler()
  const isNewId = createIdFilter()
  const isRepeatedOomReport = createRepeatedOomReports()
  const emitReport = createReportEmitter(client, context)

  const emitProblem = (problem: PodProblem | undefined, isInitial: boolean): void => {
    if (problem === undefined || (isInitial && !isRecent(problem.at, now())) || !isNewId(problem.id)) return
    const sample = objects.sample(problem.group, { at: now() })
    if (sample !== undefined) emit(problem.describe(now(), sample))
  }

  const inspectPod = (pod: Pod, isInitial: boolean): void => {
    emitProblem(evictionOf(client, pod), isInitial)
    emitProblem(unschedulable(client, pod), isInitial)
    emitProblem(gated(client, pod), isInitial)
  }

  const inspectReport = (event: ClusterEvent, old: ClusterEvent | undefined, isInitial: boolean): void => {
    const kind = warningKind(event)
    if (kind === undefined) return
    if (kind === 'eviction') {
      emitProblem(reportedEviction(client, event), isInitial)
      return
    }
    const repetition = sampleRepetition(seriesKey(event, kind), event, old)
    if (repetition === undefined || (isInitial && !isRecent(event.lastAt, now()))) return
    if (kind === 'unhealthy' && isBeingDeleted(event)) return
    // The pod itself may have said so already.
    const isKnown = kind === 'scheduling' && !isNewId(schedulingId(event.about.uid ?? ''))
    // While a pod waits, the scheduler tries again at every change of the cluster.
    if (isKnown && !repetition.isMilestone) return
    const sample = objects.sample(objectGroup(client, kind, event, repetition), { at: now() })
    if (sample === undefined) return
    const isFirst = kind === 'scheduling' && !isKnown
    const id = isFirst ? schedulingId(event.about.uid ?? '') : `${repetition.series}/${repetition.milestone}`
    emitReport(kind, { event, id, count: repetition.count, sample })
  }

  /** The server counts in the object itself: a new version of it may be only a rewrite. */
  const sampleRepetition = (key: string, event: ClusterEvent, old: ClusterEvent | undefined) => {
    const before = old?.count ?? 0
    if (event.count <= before) return undefined
    const at = timeOf(event.lastAt)
    return repetitions.sample(key, {
      at,
      times: event.count - before,
      since: old === undefined ? timeOf(event.firstAt) : at,
      series: () => (before === 0 ? event.uid : `${event.uid}/${before}`),
    })
  }

  /** Probes of a pod that is being stopped fail as expected. */
  const isBeingDeleted = ({ about }: ClusterEvent): boolean =>
    client.cluster.objects('pods').get(about.uid ?? '')?.deleted !== undefined

  return (change) => {
    const isInitial = change.type === 'added' && change.isInitial
    if (change.kind === 'pods' && change.object !== undefined) inspectPod(change.object, isInitial)
    // Servers delete events after an hour.
    if (change.kind !== 'events' || change.type === 'deleted') return
    if (change.type === 'added' && isRepeatedOomReport(change.object)) return
    const old = change.type === 'changed' ? change.old : undefined
    inspectReport(withServersUid(client.cluster, change.object), old, isInitial)
  }
})

/** Creates a function that returns whether it sees an id for the first time. The oldest ids are forgotten. */
function createIdFilter(): (id: string) => boolean {
  const ids = new Set<string>()
  return (id) => {
    if (ids.has(id)) return false
    ids.add(id)
    const [oldest] = ids
    if (ids.size > MAX_REMEMBERED_IDS && oldest !== undefined) ids.delete(oldest)
    return true
  }
}

/**
 * Objects whose reports are sampled together: pods of a workload, or objects of a kind in a namespace, whose reports
 * have reached the same milestone. Every new pod may be slow to start, so first failures of readiness and startup
 * probes count together.
 */
function objectGroup(
  { cluster }: KubernetesClient,
  kind: WarningKind,
  event: ClusterEvent,
  { milestone, isMilestone }: EventSample,
): string {
  const { about, reason } = event
  const pod = about.kind === 'Pod' ? cluster.objects('pods').get(about.uid ?? '') : undefined
  const group = pod === undefined ? `${about.kind} ${about.namespace}` : podGroup(cluster, pod)
  const probe = kind === 'unhealthy' ? (probeKind(event) ?? '') : ''
  const isStarting = kind === 'unhealthy' && probe !== 'liveness' && !isMilestone
  return [kind, reason, group, about.fieldPath ?? '', probe, isStarting ? 'starting' : milestone].join('\n')
}

/** Emits reports: at once, or after the pod was read to redact a message that a container wrote. */
function createReportEmitter(client: KubernetesClient, { signal, now, emit, inBackground }: ClusterWatchContext) {
  const limit = createConcurrencyLimit(MAX_CONCURRENT_READS)
  return (kind: Exclude<WarningKind, 'eviction'>, report: Omit<Warning, 'message' | 'now'>): void => {
    const { event } = report
    const describe = (message: string | undefined) =>
      emit(describeWarning[kind]({ ...report, message, now: now() }, client))
    if (!isWrittenByContainer(event, kind)) {
      describe(componentMessage(event.message))
      return
    }
    const { namespace, name, uid = '' } = event.about
    const timeout = timeoutSignal(REDACTION_TIMEOUT_MS, signal)
    inBackground(async () => {
      const redact = await limit(() => readRedactor(client, { namespace, name, uid }, timeout))
      if (!signal.aborted) describe(redact && componentMessage(event.message, redact))
    })
  }
}

function timeOf(time: string | undefined): Date {
  return new Date(Date.parse(time ?? '') || 0)
}
