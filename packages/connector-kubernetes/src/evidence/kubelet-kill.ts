import type { Cluster } from '../kinds/index.ts'
import type { Pod } from '../kinds/pod/pod-projection.ts'
import type { EndedRun } from './ended-run.ts'
import { latestClusterEvent } from './latest-cluster-event.ts'

/** How far a kubelet's report of a kill and the end of the container, both in seconds, may be apart. */
const MAX_DISTANCE_MS = 3_000

/** Why a kubelet killed a container that it then starts again. */
export type KillCause = 'liveness probe' | 'startup probe' | 'postStart hook'

/** Texts of the event `Killing` in which kubelets give the cause. */
const CAUSES: readonly (readonly [RegExp, KillCause])[] = [
  [/failed liveness probe/, 'liveness probe'],
  [/failed startup probe/, 'startup probe'],
  [/^FailedPostStartHook\b/, 'postStart hook'],
]

/** Returns whether a kubelet ended a run, and why, if it is because of a probe or a hook of the container. */
export function kubeletKill(
  cluster: Cluster,
  pod: Pod,
  container: string,
  { end }: EndedRun,
): { readonly cause: KillCause | undefined } | undefined {
  // Kubelets report a kill before they kill.
  const report = latestClusterEvent(cluster, pod, container, ({ reason }) => reason === 'Killing')
  const at = Date.parse(report?.lastAt ?? '')
  const isInRun = at >= Date.parse(end.startedAt ?? '') && at <= Date.parse(end.finishedAt ?? '') + MAX_DISTANCE_MS
  if (report === undefined || !isInRun) return undefined
  return { cause: CAUSES.find(([text]) => text.test(report.message))?.[1] }
}
