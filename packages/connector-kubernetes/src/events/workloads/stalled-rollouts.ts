import type { Workload } from '../../kinds/workload/workload.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import type { FollowerContext } from '../follower.ts'
import { describeStuckRollout, isWaitedFor } from './stuck-rollout.ts'

/** How long a rollout may make no progress, in milliseconds: what Deployments, whose controller says so, have where nobody wants otherwise. */
const DEADLINE = 600_000

/** How far a rollout has come. */
interface Progress {
  readonly generation: number
  readonly updated: number
  readonly available: number
  /** Milliseconds since 1970. */
  readonly since: number
  readonly isTold: boolean
}

/** Watches rollouts of StatefulSets and DaemonSets, of which nobody says that they are stuck. */
export interface StalledRollouts {
  /** A rollout that is under way. */
  look(object: Workload, generation: number): void
  /** It is complete, or gone. */
  forget(uid: string): void
}

/** Watches none yet. */
export function createStalledRollouts(
  { cluster }: KubernetesClient,
  { after, now, tell }: FollowerContext,
): StalledRollouts {
  const known = new Map<string, Progress>()
  /** Uids of those that are looked at again. */
  const awaited = new Set<string>()
  const check = (kind: 'statefulSets' | 'daemonSets', uid: string): void => {
    awaited.delete(uid)
    const progress = known.get(uid)
    const object = cluster.objects(kind).get(uid)
    if (progress === undefined || object === undefined) return
    const left = progress.since + DEADLINE - now().getTime()
    if (left <= 0 && isMeantToEnd(object) && isWaitedFor(object, cluster)) {
      known.set(uid, { ...progress, isTold: true })
      tell(describeStuckRollout(object, undefined, cluster, now()))
    }
    // Where no pod of it is in trouble it waits for somebody, or for a node that is away.
    else wait(kind, uid, left <= 0 ? DEADLINE : left)
  }
  const wait = (kind: 'statefulSets' | 'daemonSets', uid: string, milliseconds: number): void => {
    if (awaited.has(uid)) return
    awaited.add(uid)
    after(milliseconds, () => check(kind, uid))
  }
  return {
    look: (object, generation) => {
      if (object.kind === 'Deployment') return
      const { uid, updated, available } = object
      const before = known.get(uid)
      const same = before?.generation === generation ? before : undefined
      if (same?.isTold || (same !== undefined && updated <= same.updated && available <= same.available)) return
      // Pods that come and go are no progress.
      const furthest = {
        updated: Math.max(updated, same?.updated ?? 0),
        available: Math.max(available, same?.available ?? 0),
      }
      known.set(uid, { generation, ...furthest, since: now().getTime(), isTold: false })
      wait(object.kind === 'StatefulSet' ? 'statefulSets' : 'daemonSets', uid, DEADLINE)
    },
    forget: (uid) => {
      known.delete(uid)
    },
  }
}

/** Whether somebody wants all of its pods to be new, without doing it by hand. */
function isMeantToEnd({ strategy, partition = 0 }: Workload): boolean {
  return strategy !== 'OnDelete' && partition === 0
}
