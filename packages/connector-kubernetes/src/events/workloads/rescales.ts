import { redactSecrets } from '@rca/core/connector'
import type { Autoscaler } from '../../kinds/autoscaler/autoscaler.ts'
import type { Cluster, ClusterChange } from '../../kinds/index.ts'
import type { Metadata } from '../../kinds/metadata.ts'
import type { ClusterWatchContext } from '../cluster-watcher.ts'

/** How long a changed number of pods and the autoscaler's own report of it may arrive apart, in either order. */
const MAX_DISTANCE_MS = 2_000

const MAX_REMEMBERED = 1_000

/** The autoscaler that changed the number of pods of a workload. */
export interface Rescale {
  readonly autoscaler: string
  /** Reason, such as `cpu resource utilization (percentage of request) above target`. */
  readonly reason: string | undefined
}

interface Report {
  /** Uid of the autoscaler. */
  readonly uid: string
  readonly pods: number
  /** Only the autoscaler's event has a reason, its status has none. */
  readonly reason: string | undefined
  /** Arrival, in milliseconds since 1970: clocks of different machines are not compared. */
  readonly at: number
}

/** Finds out whether an autoscaler changed a number of pods, as its status and the event `SuccessfulRescale` report. */
export function createRescales(cluster: Cluster, { now, after }: ClusterWatchContext) {
  let reports: readonly Report[] = []
  const waiting = new Set<() => void>()

  const add = (report: Omit<Report, 'at'>): void => {
    const at = now().getTime()
    reports = [...reports.filter((one) => at - one.at <= MAX_DISTANCE_MS), { ...report, at }].slice(-MAX_REMEMBERED)
    for (const check of waiting) check()
  }

  return {
    /** Takes note of a change in the cluster that may be such a report. */
    observe: (change: ClusterChange): void => {
      if (change.kind === 'horizontalPodAutoscalers' && change.type === 'changed') {
        const { uid, desired, lastScaledAt } = change.object
        if (lastScaledAt !== change.old.lastScaledAt) add({ uid, pods: desired, reason: undefined })
      } else if (change.kind === 'events' && change.type !== 'deleted') {
        const { about, reason, message } = change.object
        if (about.kind !== 'HorizontalPodAutoscaler' || reason !== 'SuccessfulRescale') return
        if (change.type === 'added' ? change.isInitial : change.object.count <= change.old.count) return
        const { pods, why } = /^New size: (?<pods>\d+)(?:; reason: (?<why>.+))?/s.exec(message)?.groups ?? {}
        add({ uid: about.uid ?? '', pods: Number(pods), reason: why === undefined ? undefined : redactSecrets(why) })
      }
    },
    /**
     * Calls `settle` with the autoscaler that gave a workload this number of pods: at once if it has none, or its
     * event has arrived, and otherwise after two seconds at the latest.
     */
    find: (kind: string, object: Metadata, pods: number, settle: (rescale: Rescale | undefined) => void): void => {
      const autoscaler = autoscalerOf(cluster, kind, object)
      if (autoscaler === undefined) {
        settle(undefined)
        return
      }
      const since = now().getTime() - MAX_DISTANCE_MS
      const found = (): readonly Report[] =>
        reports.filter((one) => one.uid === autoscaler.uid && one.pods === pods && one.at >= since)
      const end = (): void => {
        if (!waiting.delete(check)) return
        const [report = undefined] = found().toSorted(
          (one, other) => (other.reason ?? '').length - (one.reason ?? '').length,
        )
        settle(report && { autoscaler: autoscaler.name, reason: report.reason })
      }
      const check = (): void => {
        if (found().some(({ reason }) => reason !== undefined)) end()
      }
      waiting.add(check)
      check()
      if (waiting.has(check)) after(MAX_DISTANCE_MS, end)
    },
  }
}

function autoscalerOf(cluster: Cluster, kind: string, { namespace, name }: Metadata): Autoscaler | undefined {
  for (const one of cluster.objects('horizontalPodAutoscalers').values())
    if (one.namespace === namespace && one.target.kind === kind && one.target.name === name) return one
  return undefined
}
