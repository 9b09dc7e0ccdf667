import type { Report } from '@rca/core/protocol'

/** The newest report of an agent. Before the first one, all is 0 and empty. */
export interface NewestReport {
  /** Counts up with every report, over all runs of the agent. What an older revision says never replaces what a newer one said. */
  readonly revision: number
  readonly sequence: number
  readonly reportId: string
}

/** No sequence moves the revision further than this: it stays a whole number that JavaScript can hold. */
const LEAP = 1_000_000

/**
 * Where a report stands among those of its agent. The agent's clock is not asked, because it may be set back: the report that
 * comes last is the newest, unless it is late. It is late where both its `sequence` and its `report_id` (UUIDv7 rises within a
 * run, whatever the clock does) are smaller than those of the newest; sequence 0 begins a run and is never late.
 *
 * @returns its revision, and which report is the newest now.
 */
export function placeReport(
  newest: NewestReport,
  { sequence, report_id }: Pick<Report, 'sequence' | 'report_id'>,
): { readonly revision: number; readonly newest: NewestReport } {
  const reportId = report_id.toLowerCase()
  const ahead = Math.max(-LEAP, Math.min(LEAP, sequence - newest.sequence))
  if (sequence > 0 && ahead <= 0 && reportId < newest.reportId)
    return { revision: Math.max(0, newest.revision + Math.min(ahead, -1)), newest }
  const revision = newest.revision + Math.max(ahead, 1)
  return { revision, newest: { revision, sequence, reportId } }
}
