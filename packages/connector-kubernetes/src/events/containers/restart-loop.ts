import { durationOf, type EndedRun } from '../../evidence/ended-run.ts'

/** A run that lasted so long is in no loop, in milliseconds. Kubelets, too, forget their back-off after it. */
const WINDOW = 600_000

/** Ends that are told in full before they are counted instead. */
const IN_FULL = 3

/** The loop that a container may be in. */
export interface Loop {
  /** Runs that ended before it began. */
  readonly base: number
  /** The count that was last told of it, or has been passed. */
  readonly told: number
}

/** How an end is told. */
export type Telling =
  | 'in full'
  | 'not at all'
  /** `at`: runs that had ended at the milestone, for the id. */
  | { readonly count: number; readonly at: number }

/**
 * The loop after one more end, and how that end is told: in full for the first three and for those of runs that lasted, and
 * then at the 4th, 10th, 30th, 100th, … in a row. A night of crashes is a dozen of events and not a thousand.
 *
 * It is decided by the restarts that the kubelet counts, and so the same whoever looks: an agent that comes later, or was
 * started again, says the same of the same end. Only that a container that once was in a loop is in a new one is known to none but
 * those who saw the run that lasted.
 */
export function tellEnd(before: Loop | undefined, run: EndedRun): { readonly loop: Loop; readonly telling: Telling } {
  const hasLasted = durationOf(run) >= WINDOW
  const isKnown = before !== undefined && run.count > before.base
  const base = hasLasted ? run.count - 1 : isKnown ? before.base : 0
  const told = isKnown && base === before.base ? before.told : 0
  const count = run.count - base
  if (count <= IN_FULL) return { loop: { base, told }, telling: 'in full' }
  const milestone = milestoneOf(count)
  if (milestone <= told) return { loop: { base, told }, telling: 'not at all' }
  return { loop: { base, told: milestone }, telling: { count, at: base + milestone } }
}

/** The largest of 4, 10, 30, 100, 300, … that is reached. */
function milestoneOf(count: number): number {
  if (count < 10) return IN_FULL + 1
  const power = 10 ** Math.floor(Math.log10(count) + 1e-9)
  return count >= 3 * power ? 3 * power : power
}
