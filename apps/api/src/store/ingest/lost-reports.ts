import type { Report } from '@rca/core/protocol'
import type { Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { inWords, type PlatformGap, writePlatformGap } from './platform-gaps.ts'
import type { NewestReport } from './report-order.ts'
import type { ReportStamp } from './signal-writers.ts'

/** Scope of the gaps of reports that did not arrive. */
const SCOPE = 'reports'

/** Silence of this many report intervals before a new run is a gap. */
const MIN_SILENT_INTERVALS = 3

/** A restart takes some seconds. */
const MIN_SILENCE_MS = 10_000

/** Assumed for agents that do not announce their interval. */
const UNKNOWN_REPORT_INTERVAL_SECONDS = 300

/** The newest report before another one arrived. */
export interface PreviousReport extends NewestReport {
  /** Its time. `null` before the first report. */
  readonly at: number | null
  readonly intervalSeconds: number | null
  /** When the run began whose heartbeat came last. `null` if none came. */
  readonly startedAt: number | null
}

type OrderedReport = Pick<Report, 'sequence' | 'lead_id'>

/**
 * Finds reports that did not arrive before the newest one: those between two sequences of a run, the first ones of a
 * run, and those that ended with the memory of the run before. A run that finds reports of an earlier one on its disk
 * goes on with that one's sequences.
 */
function findLostReports(previous: PreviousReport, report: OrderedReport, at: number): PlatformGap | undefined {
  if (previous.at === null) return undefined
  const { sequence, lead_id } = report
  const since = Math.min(previous.at, at)
  if (isOfSameRun(previous, report, at)) {
    if (sequence !== previous.sequence + 1) return missing(since, previous.sequence + 1, sequence - 1)
    if (!hasStartedBetween(previous, at)) return undefined
  }
  // An instance counts its reports over all of its terms.
  else if (lead_id === undefined && sequence > 0) return missing(since, 0, sequence - 1)
  const silence = at - since
  const intervalMs = 1000 * (previous.intervalSeconds ?? UNKNOWN_REPORT_INTERVAL_SECONDS)
  if (silence <= Math.max(MIN_SILENCE_MS, MIN_SILENT_INTERVALS * intervalMs)) return undefined
  const until = lead_id === undefined ? 'the agent was restarted' : 'another instance of the agent became the leader'
  const reason = `No reports for ${inWords(silence)}, until ${until}. It did not run, or reports in its memory were lost.`
  return { scope: SCOPE, reason, since }
}

/** The first heartbeat of a run clears the id of the newest report. Reports from before it are of an earlier run. */
function isOfSameRun(previous: PreviousReport, { sequence, lead_id }: OrderedReport, at: number): boolean {
  if ((lead_id?.toLowerCase() ?? '') !== previous.termId) return false
  if (sequence === previous.sequence + 1) return true
  const isFromBefore = previous.startedAt !== null && at < previous.startedAt
  return (previous.reportId !== '' || isFromBefore) && sequence > previous.sequence
}

function hasStartedBetween({ at: before, startedAt }: PreviousReport, at: number): boolean {
  return startedAt !== null && before !== null && before < startedAt && startedAt <= at
}

function missing(since: number, first: number, last: number): PlatformGap {
  const count = last - first + 1
  const reports = count === 1 ? 'One report' : `${count} reports`
  const reason = `${reports} did not arrive: the agent dropped them, or was restarted. See \`outbox\` of the agent.`
  return { scope: SCOPE, reason, since, missing: { first, last } }
}

/** Stores reports that did not arrive before the newest one as a gap, closed by this report. */
export async function writeLostReports(
  transaction: Transaction<Tables>,
  stamp: ReportStamp,
  previous: PreviousReport,
  report: OrderedReport,
): Promise<void> {
  if (!isOfSameRun(previous, report, stamp.at)) await forgetSequences(transaction, stamp.agent)
  const gap = findLostReports(previous, report, stamp.at)
  if (gap !== undefined) await writePlatformGap(transaction, { ...stamp, revision: stamp.revision - 1 }, gap)
}

/** Removes a late report from the gap of those that did not arrive: what remains are the ones before and after it. */
export async function removeFromLostReports(
  transaction: Transaction<Tables>,
  { agent, at }: ReportStamp,
  { sequence }: OrderedReport,
): Promise<void> {
  const gap = await transaction
    .deleteFrom('gaps')
    .where('agent_key', '=', agent)
    .where('scope', '=', SCOPE)
    .where('first_missing', '<=', sequence)
    .where('last_missing', '>=', sequence)
    .where('since', '<=', at)
    .where('last_reported_at', '>=', at)
    .returningAll()
    .executeTakeFirst()
  if (gap === undefined) return
  const { since, last_reported_at: until, first_missing: first, last_missing: last, revision } = gap
  if (first !== null && first < sequence)
    await writePlatformGap(transaction, { agent, at, revision }, missing(since, first, sequence - 1))
  if (last !== null && last > sequence)
    await writePlatformGap(transaction, { agent, at: until, revision }, missing(at, sequence + 1, last))
}

/** Removes gaps from after a time: reports of clones, which count independently, look as if some did not arrive. */
export async function removeLostReportsSince(
  transaction: Transaction<Tables>,
  agent: number,
  since: number,
): Promise<void> {
  await transaction
    .deleteFrom('gaps')
    .where('agent_key', '=', agent)
    .where('scope', '=', SCOPE)
    .where('last_reported_at', '>=', since)
    .execute()
}

/** Another run has the same sequences: its reports do not fill the gaps of the one before. */
async function forgetSequences(transaction: Transaction<Tables>, agent: number): Promise<void> {
  await transaction
    .updateTable('gaps')
    .set({ first_missing: null, last_missing: null })
    .where('agent_key', '=', agent)
    .where('scope', '=', SCOPE)
    .where('first_missing', 'is not', null)
    .execute()
}
