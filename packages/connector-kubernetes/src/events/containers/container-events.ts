import type { Watcher } from '@rca/core/connector'
import { type EndedRun, endedRuns, isCrash, neverRan, ranOutOfMemory } from '../../evidence/ended-run.ts'
import { podGroup } from '../../evidence/owner-workload.ts'
import type { Pod, PodContainer } from '../../kinds/pod/pod.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { createAlike } from '../alike.ts'
import { inTurn } from '../concurrency-limit.ts'
import { isRecent } from '../event-time.ts'
import { type FollowerContext, following } from '../follower.ts'
import { describeEnd } from './container-end.ts'
import { type Loop, tellEnd } from './restart-loop.ts'
import { createStartFailures } from './start-failures.ts'

/** How long evidence may take, in milliseconds. What is not there by then is left out. */
const PATIENCE = 3_000

/** Crashes whose evidence is read at the same time. */
const CONCURRENCY = 4

/** Ends of containers of one workload that are told one by one: a CronJob that fails each minute has a new pod for every one. */
const MOST_ALIKE = 20

/** Crashes with their evidence, restart loops, and containers that cannot be started. */
export const containers: Watcher<KubernetesClient> = following((client, context) => {
  const tellInTurn = createTelling(client, context)
  const failures = createStartFailures(client)
  const loops = new Map<string, Map<string, Loop>>()
  const alike = createAlike(MOST_ALIKE)

  const look = (pod: Pod, old: Pod | undefined, isInitial: boolean): void => {
    for (const container of pod.containers) {
      if (container.status === undefined || container.kind === 'ephemeral') continue
      for (const run of newRuns(container, old)) {
        const known = loops.get(pod.uid) ?? new Map<string, Loop>()
        const { loop, telling } = tellEnd(known.get(container.name), run)
        loops.set(pod.uid, known.set(container.name, loop))
        if (telling === 'not at all' || isNoNews(pod, run, telling === 'in full')) continue
        if (isInitial && !isRecent(run.end.finishedAt, context.now())) continue
        const group = `${podGroup(client.cluster, pod)} ${container.name} ${telling === 'in full'}`
        const affected = alike.count(group, context.now())
        if (affected !== undefined) tellInTurn({ pod, container, run, telling, affected, heardAt: context.now() })
      }
      const isTold = !isInitial || isRecent(container.status.lastState?.finishedAt ?? pod.created, context.now())
      if (pod.deleted === undefined) context.tell(failures.look(pod, container, context.now(), isTold))
    }
  }

  return (change) => {
    if (change.kind !== 'pods') return
    if (change.type !== 'deleted')
      return look(
        change.object,
        change.type === 'changed' ? change.old : undefined,
        'isInitial' in change && change.isInitial,
      )
    if (change.object !== undefined) look(change.object, change.old, false)
    loops.delete(change.old.uid)
    failures.forget(change.old.uid)
  }
})

/** Reads evidence, of a few crashes at a time, and tells them. */
function createTelling(client: KubernetesClient, { signal, tell, later }: FollowerContext) {
  const turn = inTurn(CONCURRENCY)
  return (end: Parameters<typeof describeEnd>[1]): void => {
    // It begins now: a crash that waits for its turn is not told later than others.
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
    later(async () => {
      const event = await turn(() => describeEnd(client, end, patience))
      // An agent that stops has no time for evidence: the next one tells it.
      if (!signal.aborted) tell(event)
    })
  }
}

/** Runs that have ended since the pod was looked at before. */
function newRuns({ name, status }: PodContainer, old: Pod | undefined): readonly EndedRun[] {
  if (status === undefined) return []
  const before = old?.containers.find((container) => container.name === name)?.status
  const known = before === undefined ? [] : endedRuns(before)
  return endedRuns(status).filter(({ id }) => !known.some((run) => run.id === id))
}

/**
 * Not told: what ended well, unless it does so again and again; what was never started, which is told as that; what had to end
 * because its pod did.
 */
function isNoNews(pod: Pod, run: EndedRun, isInFull: boolean): boolean {
  if (isInFull && (!isCrash(run) || neverRan(run))) return true
  if (pod.deleted !== undefined && !ranOutOfMemory(run)) return true
  return pod.phase === 'Failed' && pod.reason !== undefined
}
