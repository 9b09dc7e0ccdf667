import type { EventSample } from '@rca/core/connector'

/** The count as an attribute, for a sample that stands for occurrences that were not emitted. */
export function countAttribute({ count, isMilestone }: EventSample) {
  return { 'change.count': isMilestone ? count : undefined }
}

/** Returns ` (10 times)` for such a sample. */
export function countSuffix({ count, isMilestone }: EventSample): string {
  return isMilestone ? ` (${count} times)` : ''
}

/** The count as an attribute, for a sample of several objects to which the same happens. */
export function affectedCount({ count, isMilestone }: EventSample): number | undefined {
  return isMilestone ? count : undefined
}

/** Returns ` (the 10th of its kind, not all are reported)` for such a sample. */
export function affectedSuffix({ count, isMilestone }: EventSample): string {
  return isMilestone ? ` (the ${count}th of its kind, not all are reported)` : ''
}
