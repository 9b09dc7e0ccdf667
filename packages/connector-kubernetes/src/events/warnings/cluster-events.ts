import type { Watcher } from '@rca/core/connector'
import { componentMessage } from '../../evidence/component-message.ts'
import { withServersUid } from '../../evidence/last-report.ts'
import { podGroup } from '../../evidence/owner-workload.ts'
import { readRedaction } from '../../evidence/run-evidence.ts'
import type { ClusterEvent } from '../../kinds/event/event.ts'
import type { Pod } from '../../kinds/pod/pod.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { createAlike } from '../alike.ts'
import { inTurn } from '../concurrency-limit.ts'
import { isRecent } from '../event-time.ts'
import { type FollowerContext, following } from '../follower.ts'
import { createOnce } from '../once.ts'
import { describeReport } from './describe-report.ts'
import { createHappenings, type Telling } from './happenings.ts'
import { evictionOf, type PodTrouble, reportedEviction, schedulingId, unschedulable } from './pod-troubles.ts'
import { happeningKey, isWrittenByContainer, probeKind, type ReportKind, reportKind } from './report-kinds.ts'

/** How long it may take to find out what is secret in a message, in milliseconds. */
const PATIENCE = 3_000

/** Messages for which that is found out at the same time. */
const CONCURRENCY = 4

/** Objects that fare alike which are told one by one. */
const MOST_ALIKE = 10

/** The same of pods that are not ready yet: each new one may be slow, and says so by its probes. */
const MOST_BEGINNING = 3

/** What components of the cluster warn of, counted, and pods that were ended as a whole or find no node. */
export const clusterEvents: Watcher<KubernetesClient> = following((client, context) => {
  const { now, tell } = context
  const happenings = createHappenings()
  const isNew = createOnce()
  const alike = createAlike(MOST_ALIKE)
  const beginning = createAlike(MOST_BEGINNING)
  const tellReport = createTelling(client, context)

  const tellOnce = (trouble: PodTrouble | undefined, isInitial: boolean): void => {
    if (trouble === undefined || (isInitial && !isRecent(trouble.at, now())) || !isNew(trouble.id)) return
    const affected = alike.count(trouble.group, now())
    if (affected !== undefined) tell(trouble.describe(now(), affected))
  }

  const lookAtPod = (pod: Pod, isInitial: boolean): void => {
    tellOnce(evictionOf(client, pod), isInitial)
    tellOnce(unschedulable(client, pod), isInitial)
  }

  const lookAtReport = (event: ClusterEvent, old: ClusterEvent | undefined, isInitial: boolean): void => {
    const kind = reportKind(event)
    if (kind === undefined) return
    if (kind === 'eviction') {
      tellOnce(reportedEviction(client, event), isInitial)
      return
    }
    const telling = happenings.note(happeningKey(event, kind), event, old)
    if (telling === undefined || (isInitial && !isRecent(event.lastAt, now()))) return
    if (kind === 'unhealthy' && isBeingDeleted(event)) return
    const id = kind === 'scheduling' ? schedulingId(event.about.uid ?? '') : undefined
    // The pod says the same, and may have said it.
    const isSaid = id !== undefined && !isNew(id)
    if (isSaid && telling.isFirst) return
    const group = reportGroup(client, kind, event)
    const isBeginning = kind === 'unhealthy' && probeKind(event) !== 'liveness'
    const counts = isBeginning ? beginning : alike
    const affected = counts.count(telling.isFirst ? group : `again ${group}`, now())
    if (affected === undefined) return
    tellReport(kind, event, { ...telling, affected, ...(id === undefined || isSaid ? {} : { id }) })
  }

  /** A pod that stops serves nobody any more, which is what its probes then say. */
  const isBeingDeleted = ({ about }: ClusterEvent): boolean =>
    client.cluster.objects('pods').get(about.uid ?? '')?.deleted !== undefined

  return (change) => {
    if (change.kind === 'pods') {
      if (change.object !== undefined) lookAtPod(change.object, isThereAlready(change))
      return
    }
    // Those that are deleted are so because an hour has passed.
    if (change.kind === 'events' && change.type !== 'deleted')
      lookAtReport(
        withServersUid(client.cluster, change.object),
        change.type === 'changed' ? change.old : undefined,
        isThereAlready(change),
      )
  }
})

/** What is the same about reports that are told once for all: of pods their workload, of everything else its kind. */
function reportGroup({ cluster }: KubernetesClient, kind: ReportKind, event: ClusterEvent): string {
  const { about, reason } = event
  const pod = about.kind === 'Pod' ? cluster.objects('pods').get(about.uid ?? '') : undefined
  const group = pod === undefined ? `${about.kind} ${about.namespace}` : podGroup(cluster, pod)
  return [kind, reason, group, about.fieldPath ?? '', kind === 'unhealthy' ? (probeKind(event) ?? '') : ''].join('\n')
}

/** Tells reports: at once, or when it is known what is secret in what a container wrote. */
function createTelling(client: KubernetesClient, { signal, now, tell, later }: FollowerContext) {
  const turn = inTurn(CONCURRENCY)
  return (
    kind: Exclude<ReportKind, 'eviction'>,
    event: ClusterEvent,
    telling: Telling & { readonly affected: number },
  ): void => {
    const describe = (message: string | undefined) =>
      tell(describeReport(kind, { event, telling, message, now: now() }, client))
    if (!isWrittenByContainer(event, kind)) {
      describe(componentMessage(event.message))
      return
    }
    const { namespace, name, uid = '' } = event.about
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
    later(async () => {
      const redact = await turn(() => readRedaction(client, { namespace, name, uid }, patience))
      if (!signal.aborted) describe(redact && componentMessage(event.message, redact))
    })
  }
}

function isThereAlready(change: { readonly type: string; readonly isInitial?: boolean }): boolean {
  return change.type === 'added' && change.isInitial === true
}
