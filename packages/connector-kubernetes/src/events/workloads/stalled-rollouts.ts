import type { Workload } from '../../kinds/workload/workload-projection.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import type { ClusterWatchContext } from '../cluster-watcher.ts'
import { describeStuckRollout, hasWaitingPods } from './stuck-rollout.ts'

/** How long a rollout may make no progress: the default progress deadline of Deployments. */
const PROGRESS_TIMEOUT_MS = 600_000

/** The furthest state of a rollout. */
interface Progress {
  readonly generation: number
  readonly updated: number
  readonly available: number
  /** Milliseconds since 1970. */
  readonly since: number
  readonly isReported: boolean
}

/** Finds stuck rollouts of StatefulSets and DaemonSets, whose controllers do not report them. */
export function createStalledRollouts({ cluster }: KubernetesClient, { after, now, emit }: ClusterWatchContext) {
  const known = new Map<string, Progress>()
  /** Uids whose next check is scheduled. */
  const scheduled = new Set<string>()
  const check = (kind: 'statefulSets' | 'daemonSets', uid: string): void => {
    scheduled.delete(uid)
    const progress = known.get(uid)
    const object = cluster.objects(kind).get(uid)
    if (progress === undefined || object === undefined) return
    const left = progress.since + PROGRESS_TIMEOUT_MS - now().getTime()
    if (left <= 0 && isAutomatic(object) && hasWaitingPods(object, cluster)) {
      known.set(uid, { ...progress, isReported: true })
      emit(describeStuckRollout(object, undefined, cluster, now()))
    }
    // Without a waiting pod, the rollout waits for its author or for a node.
    else schedule(kind, uid, left <= 0 ? PROGRESS_TIMEOUT_MS : left)
  }
  const schedule = (kind: 'statefulSets' | 'daemonSets', uid: string, milliseconds: number): void => {
    if (scheduled.has(uid)) return
    scheduled.add(uid)
    after(milliseconds, () => check(kind, uid))
  }
  return {
    /** Takes the state of an unfinished rollout. */
    observe: (object: Workload, generation: number): void => {
      if (object.kind === 'Deployment') return
      const { uid, updated, available } = object
      const before = known.get(uid)
      const same = before?.generation === generation ? before : undefined
      if (same?.isReported || (same !== undefined && updated <= same.updated && available <= same.available)) return
      // Pods that come and go make no progress.
      const furthest = {
        updated: Math.max(updated, same?.updated ?? 0),
        available: Math.max(available, same?.available ?? 0),
      }
      known.set(uid, { generation, ...furthest, since: now().getTime(), isReported: false })
      schedule(object.kind === 'StatefulSet' ? 'statefulSets' : 'daemonSets', uid, PROGRESS_TIMEOUT_MS)
    },
    /** Forgets a rollout that is complete, or whose workload was deleted. Returns whether it was reported as stuck. */
    forget: (uid: string): boolean => {
      const isReported = known.get(uid)?.isReported === true
      known.delete(uid)
      return isReported
    },
  }
}

/** Returns whether the controller replaces all pods by itself. */
function isAutomatic({ strategy, partition = 0 }: Workload): boolean {
  return strategy !== 'OnDelete' && partition === 0
}
