import type { Report } from '@rca/core/protocol'
import { SEVERITIES } from '@rca/core/protocol'
import type { Kysely, Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'
import { correctTime, findOffset } from './clock-offset.ts'
import { endOtherLeads, findLead, findLeading, writeLead } from './leader-terms.ts'
import { type NewestLed, placeLed } from './leader-terms-order.ts'
import type { SeriesIndex, SeriesLookup } from './series-index.ts'
import { markAbsent, type Stamp, writeEntities, writeEvents, writeGaps, writePoints } from './signal-writers.ts'
import { notePart } from './snapshot-parts.ts'

/** An agent whose reports are being written. */
interface Writing {
  readonly key: number
  /** How far its clock is ahead. */
  readonly offset: number
  readonly receivedAt: number
  newest: NewestLed
  /** Corrected time of its newest report, where this request brought it. */
  reportedAt?: number
}

/** Writes batches of reports: one transaction each. */
export function createReportWriter(database: Kysely<Tables>, index: SeriesIndex): Pick<SignalStore, 'write'> {
  return {
    write: async (environment, agentType, reports, receivedAt) => {
      const found = index.begin()
      const accepted = await database.transaction().execute(async (transaction) => {
        let fresh = 0
        const agents = new Map<string, Writing>()
        for (const [id, own] of Map.groupBy(reports, (report) => report.agent_id))
          agents.set(id, await openAgent(transaction, environment, agentType, own, receivedAt))
        for (const report of reports) {
          const agent = agents.get(report.agent_id)
          if (agent === undefined || !(await isFresh(transaction, agent.key, report.report_id, receivedAt))) continue
          fresh += 1
          await writeReport(transaction, agent, report, found)
        }
        for (const agent of agents.values()) await noteNewest(transaction, agent)
        return fresh
      })
      found.commit()
      return { accepted, duplicates: reports.length - accepted }
    },
  }
}

async function openAgent(
  transaction: Transaction<Tables>,
  environment: string,
  agentType: string,
  reports: readonly Report[],
  receivedAt: number,
): Promise<Writing> {
  const said = { last_seen_at: receivedAt, agent_version: reports.at(-1)?.agent_version ?? '' }
  const row = await transaction
    .insertInto('agents')
    .values({
      environment,
      agent_type: agentType,
      agent_id: reports[0]?.agent_id ?? '',
      first_seen_at: receivedAt,
      ...said,
    })
    .onConflict((conflict) => conflict.columns(['environment', 'agent_type', 'agent_id']).doUpdateSet(said))
    .returning(['key', 'clock_offset', 'newest_revision', 'newest_sequence', 'newest_report_id', 'newest_lead'])
    .executeTakeFirstOrThrow()
  const stated = reports.map((report) => Date.parse(report.timestamp))
  return {
    key: row.key,
    offset: findOffset(stated, receivedAt, row.clock_offset),
    receivedAt,
    newest: {
      revision: row.newest_revision,
      sequence: row.newest_sequence,
      reportId: row.newest_report_id,
      lead: row.newest_lead,
    },
  }
}

async function isFresh(
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
  agent: Writing,
  report: Report,
  index: SeriesLookup,
): Promise<void> {
  const { key, offset, receivedAt } = agent
  const at = correctTime(Date.parse(report.timestamp), offset, receivedAt) ?? receivedAt
  // Events and gaps may be dated by other clocks: what is still too far ahead counts as of its report.
  const timeOf = (stated: string): number => correctTime(Date.parse(stated), offset, receivedAt) ?? at
  const { revision, newest } = await place(transaction, agent, report)
  if (newest !== agent.newest) {
    agent.newest = newest
    agent.reportedAt = at
  }
  const { entities, metrics, events, gaps } = report.data
  const stamp: Stamp = { agent: key, at, revision }

  await writeEntities(transaction, stamp, entities)
  if (report.snapshot === true) await markAbsent(transaction, stamp)
  if (report.part?.snapshot === true) await notePart(transaction, stamp, report.part, receivedAt)
  await writePoints(transaction, await index.resolve(transaction, key, metrics), metrics, at)
  await writeEvents(
    transaction,
    events.map((event) => ({
      agent_key: key,
      event_id: event.id ?? null,
      name: event.name,
      at: timeOf(event.at),
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

/** Finds a report's place, and notes what is known of its lead from then on. */
async function place(
  transaction: Transaction<Tables>,
  { key, newest, receivedAt }: Writing,
  report: Report,
): Promise<{ readonly revision: number; readonly newest: NewestLed }> {
  const leadId = report.lead_id?.toLowerCase()
  if (leadId === undefined) return placeLed(newest, undefined, report, '')
  const known = await findLead(transaction, key, leadId)
  // Asked only where it matters: for the first report of a lead that no heartbeat has announced.
  const leading = known === undefined ? await findLeading(transaction, key) : ''
  const placed = placeLed(newest, known, report, leading)
  if (placed.lead !== undefined) await writeLead(transaction, key, leadId, placed.lead, receivedAt)
  if (placed.takesOver) await endOtherLeads(transaction, key, leadId, placed.revision - 1)
  return placed
}

/** A request that holds only late reports and duplicates changes nothing about the newest one. */
async function noteNewest(
  transaction: Transaction<Tables>,
  { key, offset, newest, reportedAt }: Writing,
): Promise<void> {
  if (reportedAt === undefined) return
  await transaction
    .updateTable('agents')
    .set({
      clock_offset: offset,
      newest_revision: newest.revision,
      newest_sequence: newest.sequence,
      newest_report_id: newest.reportId,
      newest_lead: newest.lead,
      last_report_at: reportedAt,
      provisional: 0,
      standing_by: 0,
    })
    .where('key', '=', key)
    .execute()
}
