import type { ContainerState, ContainerStatus } from '../kinds/pod/pod.ts'

/** A run of a container that has ended. */
export interface EndedRun {
  /** The same at every sight of it: the id that the runtime gave it, or else when it ended. */
  readonly id: string
  readonly end: ContainerState
  /** Its log is that of the run before the one that the kubelet counts as current. */
  readonly isPrevious: boolean
  /** Runs of this container that have ended, this one included. */
  readonly count: number
}

/** Kubelets count the next run before it has begun where they have lost the run that was. */
const LOST = 'ContainerStatusUnknown'

/** The ended runs that a kubelet still tells of, the older first: at most two. */
export function endedRuns({ state, lastState, restarts }: ContainerStatus): readonly EndedRun[] {
  const runs: EndedRun[] = []
  if (lastState?.kind === 'terminated') {
    // While the next run waits for its turn, the one that has ended is still the one that is counted.
    const isCounted = state?.kind === 'waiting' && lastState.reason !== LOST
    runs.push(endedRun(lastState, true, isCounted ? restarts + 1 : restarts))
  }
  if (state?.kind === 'terminated') runs.push(endedRun(state, false, restarts + 1))
  return runs
}

function endedRun(end: ContainerState, isPrevious: boolean, count: number): EndedRun {
  const id = end.containerId?.replace(/^.*:\/\//, '').slice(0, 64)
  return { id: id || (end.finishedAt ?? `end-${count}`), end, isPrevious, count }
}

/** Whether a run ended for want of memory. */
export function ranOutOfMemory({ end }: EndedRun): boolean {
  return end.reason === 'OOMKilled'
}

/** Whether a run ended as no healthy one does. */
export function isCrash(run: EndedRun): boolean {
  const { exitCode = 0, signal = 0, reason = 'Completed' } = run.end
  return exitCode !== 0 || signal !== 0 || reason !== 'Completed'
}

/** The container never ran: its start is what failed. */
export function neverRan({ end }: EndedRun): boolean {
  return end.reason === 'ContainerCannotRun' || end.reason === 'StartError'
}

/** How long a run took, in milliseconds; 0 where that is not known. */
export function durationOf({ end: { startedAt, finishedAt } }: EndedRun): number {
  if (startedAt === undefined || finishedAt === undefined) return 0
  const duration = Date.parse(finishedAt) - Date.parse(startedAt)
  return Number.isFinite(duration) ? Math.max(0, duration) : 0
}
