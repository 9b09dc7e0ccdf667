import type { Report } from '@rca/core/protocol'

/** The newest report of an agent. Before the first report, all fields are 0 or empty. */
export interface NewestReport {
  /** Increases with every report, over all runs of the agent. An older revision never overwrites a newer one. */
  readonly revision: number
  readonly sequence: number
  readonly reportId: string
  /** Leader term (`lead_id`) of the report. Empty without an election. */
  readonly termId: string
}

/** The stored state of a leader term. */
export interface LeaderTerm {
  /** Revision of its newest report; before its first one, the agent's newest revision when the term began. */
  readonly revision: number
  readonly sequence: number
  /** Maximum revision of its reports, set when another term begins. */
  readonly ceiling: number | undefined
}

/** The order of a report among the reports of its agent. */
export interface ReportPlace {
  readonly revision: number
  /** The newest report, including this one. */
  readonly newest: NewestReport
  /** True for the first report of a new leader term. */
  readonly startsTerm: boolean
  /** New state of the report's leader term. */
  readonly term: LeaderTerm | undefined
}

/** The fields that order a report. `isMuchLater` is true if it is much later than the newest report. */
export type OrderedReport = Pick<Report, 'sequence' | 'report_id' | 'lead_id'> & { readonly isMuchLater?: boolean }

/** Revisions reserved between two leader terms for late reports of the earlier one. */
export const REVISIONS_PER_TERM = 10_000

/** Limits the effect of one sequence, so that revisions stay safe integers. */
const MAX_REVISION_STEP = 1_000_000

/**
 * Orders a report among the reports of all instances of its agent. Instances count their sequences independently, so
 * that only the order of leader terms compares them: reports of an earlier term are late. A term begins with its
 * leader's heartbeat. A term without a heartbeat begins with its first report, if its UUIDv7 is later than the active
 * term's: without heartbeats, the order of clocks is the only one.
 *
 * @param known state of the report's term, if any.
 * @param activeTermId id of the term that no other has followed; empty when none is active.
 */
export function placeReport(
  newest: NewestReport,
  known: LeaderTerm | undefined,
  report: OrderedReport,
  activeTermId: string,
): ReportPlace {
  const termId = report.lead_id?.toLowerCase() ?? ''
  if (termId === '' || termId === newest.termId) {
    const place = placeBySequence(newest, report)
    const { revision, sequence } = place.newest
    return {
      revision: place.revision,
      newest: place.newest === newest ? newest : { ...place.newest, termId },
      startsTerm: false,
      term: termId === '' ? undefined : { revision, sequence, ceiling: known?.ceiling },
    }
  }
  if (known === undefined ? termId < activeTermId : known.ceiling !== undefined)
    return { ...placeLate(known, report), newest, startsTerm: false }
  const revision = newest.revision + REVISIONS_PER_TERM
  const { sequence } = report
  return {
    revision,
    newest: { revision, sequence, reportId: report.report_id.toLowerCase(), termId },
    startsTerm: true,
    term: { revision, sequence, ceiling: undefined },
  }
}

/**
 * Orders a report among the reports of one instance, without clocks, which may be set back: the last report to arrive
 * is the newest, unless both its `sequence` and its `report_id` are smaller than the newest report's (UUIDv7
 * increases within a run). Sequence 0 begins a run and is never late. Neither is a report whose time is much later than
 * the newest one's: a report with an impossible `sequence` and `report_id` must not stay the newest for ever.
 */
export function placeBySequence(
  newest: NewestReport,
  { sequence, report_id, isMuchLater = false }: OrderedReport,
): Pick<ReportPlace, 'revision' | 'newest'> {
  const reportId = report_id.toLowerCase()
  const step = Math.max(-MAX_REVISION_STEP, Math.min(MAX_REVISION_STEP, sequence - newest.sequence))
  if (!isMuchLater && sequence > 0 && step <= 0 && reportId < newest.reportId)
    return { revision: Math.max(0, newest.revision + Math.min(step, -1)), newest }
  const revision = newest.revision + Math.max(step, 1)
  return { revision, newest: { ...newest, revision, sequence, reportId } }
}

/** Places a report of an ended term. Reports of a term that was unknown when it ended come before all others. */
function placeLate(
  known: LeaderTerm | undefined,
  { sequence }: OrderedReport,
): { readonly revision: number; readonly term: LeaderTerm } {
  const { revision, sequence: last, ceiling = 0 } = known ?? { revision: 0, sequence, ceiling: 0 }
  const placed = Math.max(0, Math.min(ceiling, revision + sequence - last))
  return {
    revision: placed,
    term: sequence > last ? { revision: placed, sequence, ceiling } : { revision, sequence: last, ceiling },
  }
}
