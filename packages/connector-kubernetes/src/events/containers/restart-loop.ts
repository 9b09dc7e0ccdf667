import { createEventSampler, type EventSample } from '@rca/core/connector'
import { durationOf, type EndedRun } from '../../evidence/ended-run.ts'
import type { Pod } from '../../kinds/pod/pod-projection.ts'

/** Ends in a row that are reported as crashes; later ones are reported as a restart loop. */
const MAX_CRASHES = 3

/** An end of a container to report. */
export interface ReportedEnd {
  readonly sample: EventSample
  /** Number of the end at which the loop reached its milestone, for the event's id. `undefined` for a crash. */
  readonly loopAt: number | undefined
}

/**
 * Returns a function that samples the ends of containers: the first three in a row as crashes, the 4th, 10th, 30th,
 * 100th, … as restart loops, and `undefined` for others. It counts with the kubelet's restart count, so every agent,
 * also one that was restarted in between, reports the same ends with the same ids. A run that lasted ten minutes, after
 * which kubelets forget their back-off too, ends a loop; only an agent that saw this run knows.
 */
export function createEndSampler() {
  const sampler = createEventSampler()
  return ({ uid }: Pod, container: string, run: EndedRun, now: Date): ReportedEnd | undefined => {
    const startsSeries = durationOf(run) >= createEventSampler.QUIET_MS
    const sample = sampler.sample(`${uid}/${container}`, { at: now, number: run.count, startsSeries })
    if (sample === undefined) return undefined
    const { count, milestone } = sample
    return { sample, loopAt: count > MAX_CRASHES ? run.count - count + milestone : undefined }
  }
}
