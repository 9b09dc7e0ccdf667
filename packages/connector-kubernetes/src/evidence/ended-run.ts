import type { ContainerState, ContainerStatus } from '../kinds/pod/pod-projection.ts'

/** A run of a container that has ended. */
export interface EndedRun {
  /** The id that the runtime gave the run, or else the time of its end: equal in every status that contains the run. */
  readonly id: string
  readonly end: ContainerState
  /** True if its log is the kubelet's `previous` log. */
  readonly isPrevious: boolean
  /** Number of ended runs of the container, including this one. */
  readonly count: number
}

/** Kubelets count the next run before it has begun if they have lost the run before it. */
const LOST = 'ContainerStatusUnknown'

/** Returns the ended runs in a status, the older first: at most two. */
export function endedRuns(status: ContainerStatus | undefined): readonly EndedRun[] {
  if (status === undefined) return []
  const { state, lastState, restarts } = status
  const runs: EndedRun[] = []
  if (lastState?.kind === 'terminated') {
    // While the next run waits for its turn, kubelets still count the run that has ended.
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

/** Returns whether a run ended with an exit code, a signal or a reason that a healthy run does not have. */
export function isCrash(run: EndedRun): boolean {
  const { exitCode = 0, signal = 0, reason = 'Completed' } = run.end
  return exitCode !== 0 || signal !== 0 || reason !== 'Completed'
}

/** Returns whether the runtime could not start the container: the run has such a reason, or began in 1970. */
export function failedToStart({ end }: EndedRun): boolean {
  return end.reason === 'ContainerCannotRun' || end.reason === 'StartError' || Date.parse(end.startedAt ?? '') === 0
}

/** Duration of a run in milliseconds; 0 if it is unknown, or the container was not started. */
export function durationOf(run: EndedRun): number {
  if (failedToStart(run)) return 0
  const { startedAt = '', finishedAt = '' } = run.end
  const duration = Date.parse(finishedAt) - Date.parse(startedAt)
  return Number.isFinite(duration) ? Math.max(0, duration) : 0
}
