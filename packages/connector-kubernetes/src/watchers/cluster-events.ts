import type { Watcher } from '@rca/core'
import type { KubernetesClient } from '../kubernetes-client.ts'
import type { ClusterEvent } from '../resources/event.ts'
import type { Pod } from '../resources/pod.ts'
import { describeReport } from './describe-report.ts'
import { following } from './following.ts'
import { createHappenings } from './happenings.ts'
import { createOnce } from './once.ts'
import { evictionOf, type PodTrouble, reportedEviction, schedulingId, unschedulable } from './pod-troubles.ts'
import { isRecent } from './recent.ts'
import { happeningKey, reportKind } from './report-kinds.ts'

/** What components of the cluster warn of, counted, and pods that were ended as a whole or find no node. */
export const clusterEvents: Watcher<KubernetesClient> = following((client, { now, tell }) => {
  const happenings = createHappenings()
  const isNew = createOnce()

  const tellOnce = (trouble: PodTrouble | undefined, isInitial: boolean): void => {
    if (trouble === undefined || (isInitial && !isRecent(trouble.at, now()))) return
    if (isNew(trouble.id)) tell(trouble.describe(now()))
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
    if (id !== undefined && isNew(id)) tell(describeReport(kind, client, event, { ...telling, id }, now()))
    else if (id === undefined || !telling.isFirst) tell(describeReport(kind, client, event, telling, now()))
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
      lookAtReport(change.object, change.type === 'changed' ? change.old : undefined, isThereAlready(change))
  }
})

function isThereAlready(change: { readonly type: string; readonly isInitial?: boolean }): boolean {
  return change.type === 'added' && change.isInitial === true
}
