import { type Report, SEVERITIES } from '@rca/core/protocol'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'
import { correctTime, findOffset, offsetOfOtherClock } from './clock-offset.ts'
import { endOtherTerms, findActiveTermId, findTerm, writeTerm } from './leader-terms.ts'
import { type NewestReport, placeReport, type ReportPlace } from './report-order.ts'
import type { SeriesIndex, SeriesLookup } from './series-index.ts'
import {
  markDeletedBySnapshot,
  type ReportStamp,
  writeEntities,
  writeEvents,
  writeGaps,
  writePoints,
} from './signal-writers.ts'
import { recordPart } from './snapshot-parts.ts'

/** State of an agent while a request is written. */
interface AgentState {
  readonly key: number
  /** Milliseconds by which its clock is ahead; negative if it is behind. */
  readonly offset: number
  readonly receivedAt: number
  /** True if its clock was behind at its last request. */
  readonly wasBehind: boolean
  newest: NewestReport
  /** Corrected time of its newest report, if this request contains it. */
  reportedAt?: number
  /** True if this request contains a report that was not stored before. */
  hasDelivered: boolean
}

/** Writes batches of reports, each in one transaction. */
export function createReportWriter(database: Kysely<Tables>, index: SeriesIndex): SignalStore['write'] {
  return async (environment, agentType, reports, receivedAt) => {
    const lookup = index.begin()
    const accepted = await database.transaction().execute(async (transaction) => {
      const agents = new Map<string, AgentState>()
      for (const [id, own] of Map.groupBy(reports, (report) => report.agent_id))
        agents.set(id, await openAgent(transaction, environment, agentType, own, receivedAt))
      let count = 0
      for (const report of reports) {
        const agent = agents.get(report.agent_id)
        if (agent === undefined || !(await insertReportId(transaction, agent.key, report.report_id, receivedAt)))
          continue
        count += 1
        agent.hasDelivered = true
        await writeReport(transaction, agent, report, lookup)
      }
      for (const agent of agents.values()) {
        await writeNewest(transaction, agent)
        await writeClockGap(transaction, agent)
      }
      return count
    })
    lookup.commit()
    return { accepted, duplicates: reports.length - accepted }
  }
}

async function openAgent(
  transaction: Transaction<Tables>,
  environment: string,
  agentType: string,
  reports: readonly Report[],
  receivedAt: number,
): Promise<AgentState> {
  const seen = { last_seen_at: receivedAt, agent_version: reports.at(-1)?.agent_version ?? '' }
  const row = await transaction
    .insertInto('agents')
    .values({
      environment,
      agent_type: agentType,
      agent_id: reports[0]?.agent_id ?? '',
      first_seen_at: receivedAt,
      ...seen,
    })
    .onConflict((conflict) => conflict.columns(['environment', 'agent_type', 'agent_id']).doUpdateSet(seen))
    .returning([
      'key',
      'clock_offset',
      'newest_revision',
      'newest_sequence',
      'newest_report_id',
      'newest_lead',
      'outbox',
      'last_heartbeat_at',
    ])
    .executeTakeFirstOrThrow()
  const times = reports.map((report) => Date.parse(report.timestamp))
  return {
    key: row.key,
    offset: findOffset(times, receivedAt, row.clock_offset, emptyOutboxAt(row)),
    receivedAt,
    hasDelivered: false,
    wasBehind: row.clock_offset < 0,
    newest: {
      revision: row.newest_revision,
      sequence: row.newest_sequence,
      reportId: row.newest_report_id,
      termId: row.newest_lead,
    },
  }
}

/** Returns when the agent last sent a heartbeat, if its outbox was empty. */
function emptyOutboxAt({
  outbox,
  last_heartbeat_at,
}: Pick<Selectable<Tables['agents']>, 'outbox' | 'last_heartbeat_at'>) {
  if (outbox === null || last_heartbeat_at === null) return undefined
  return (JSON.parse(outbox) as { reports: number }).reports === 0 ? last_heartbeat_at : undefined
}

/** Returns false for a report that is stored already. */
async function insertReportId(
  transaction: Transaction<Tables>,
  agent: number,
  reportId: string,
  at: number,
): Promise<boolean> {
  const result = await transaction
    .insertInto('reports')
    .values({ agent_key: agent, report_id: reportId.toLowerCase(), received_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

async function writeReport(
  transaction: Transaction<Tables>,
  agent: AgentState,
  report: Report,
  index: SeriesLookup,
): Promise<void> {
  const { key, offset, receivedAt } = agent
  const at = correctTime(Date.parse(report.timestamp), offset, receivedAt) ?? receivedAt
  // Events and gaps may have times of other clocks: a time that is still too far ahead becomes the report's.
  const timeOf = (text: string, ahead?: number): number => {
    const own = ahead === undefined ? offset : offsetOfOtherClock(offset, ahead)
    return correctTime(Date.parse(text), own, receivedAt) ?? at
  }
  const { revision, newest } = await place(transaction, agent, report)
  if (newest !== agent.newest) {
    agent.newest = newest
    agent.reportedAt = at
  }
  const { entities, metrics, events, gaps } = report.data
  const stamp: ReportStamp = { agent: key, at, revision }

  await writeEntities(transaction, stamp, entities)
  if (report.snapshot === true) await markDeletedBySnapshot(transaction, stamp)
  if (report.part?.snapshot === true) await recordPart(transaction, stamp, report.part, receivedAt)
  await writePoints(transaction, await index.resolve(transaction, key, metrics), metrics, at)
  await writeEvents(
    transaction,
    events.map((event) => ({
      agent_key: key,
      event_id: event.id ?? null,
      name: event.name,
      at: timeOf(event.at, event.clock_offset_ms),
      severity: SEVERITIES.indexOf(event.severity),
      entity_type: event.entity.type,
      entity_id: event.entity.id,
      body: event.body,
      attributes: JSON.stringify(event.attributes),
    })),
  )
  await writeGaps(
    transaction,
    stamp,
    gaps.map(({ scope, reason, since }) => ({ scope, reason, since: timeOf(since) })),
  )
}

/** Orders a report, and stores the new state of its leader term. */
async function place(
  transaction: Transaction<Tables>,
  { key, newest, receivedAt }: AgentState,
  report: Report,
): Promise<Pick<ReportPlace, 'revision' | 'newest'>> {
  const termId = report.lead_id?.toLowerCase()
  if (termId === undefined) return placeReport(newest, undefined, report, '')
  const known = await findTerm(transaction, key, termId)
  // Matters only for the first report of a term that no heartbeat has announced.
  const activeTermId = known === undefined ? await findActiveTermId(transaction, key) : ''
  const placed = placeReport(newest, known, report, activeTermId)
  if (placed.term !== undefined) await writeTerm(transaction, key, termId, placed.term, receivedAt)
  if (placed.startsTerm) await endOtherTerms(transaction, key, termId, placed.revision - 1)
  return placed
}

/** Stores that reports arrived, unless all are duplicates, and the newest one, unless all are late. */
async function writeNewest(
  transaction: Transaction<Tables>,
  { key, offset, receivedAt, newest, reportedAt, hasDelivered }: AgentState,
): Promise<void> {
  if (!hasDelivered) return
  const newestReport =
    reportedAt === undefined
      ? {}
      : {
          clock_offset: offset,
          newest_revision: newest.revision,
          newest_sequence: newest.sequence,
          newest_report_id: newest.reportId,
          newest_lead: newest.termId,
          last_report_at: reportedAt,
          provisional: 0,
          standing_by: 0,
        }
  await transaction
    .updateTable('agents')
    .set({ last_delivery_at: receivedAt, ...newestReport })
    .where('key', '=', key)
    .execute()
}

/** Scope of the gap of an agent whose clock is behind. */
const CLOCK_SCOPE = 'clock'

/** Stores as a gap that the clock of an agent is behind, since its data seemed old before this was noticed. */
async function writeClockGap(
  transaction: Transaction<Tables>,
  { key, offset, wasBehind, newest: { revision }, reportedAt }: AgentState,
): Promise<void> {
  if (reportedAt === undefined || offset >= 0) return
  const last = await transaction
    .selectFrom('gaps')
    .select(({ fn }) => fn.max('since').as('since'))
    .where('agent_key', '=', key)
    .where('scope', '=', CLOCK_SCOPE)
    .executeTakeFirst()
  const since = (wasBehind ? last?.since : undefined) ?? reportedAt
  const reason = `The clock of the agent is ${inWords(-offset)} behind. Its times are corrected. Set its clock.`
  const state = { reason, last_reported_at: reportedAt, revision }
  await transaction
    .insertInto('gaps')
    .values({ agent_key: key, scope: CLOCK_SCOPE, since, ...state })
    .onConflict((conflict) => conflict.columns(['agent_key', 'scope', 'since']).doUpdateSet(state))
    .execute()
}

/** Formats a duration as minutes, hours or days. */
function inWords(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000)
  if (minutes < 120) return `${minutes} minutes`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`
}
