import { runInTimeSlices } from '@rca/core'
import { SEVERITIES } from '@rca/core/protocol'
import type { Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'
import { type AgentState, openAgent } from './agent-state.ts'
import { correctTime, offsetOfOtherClock } from './clock-offset.ts'
import type { GroupCommit } from './group-commit.ts'
import { endOtherTerms, findActiveTermId, findTerm, writeTerm } from './leader-terms.ts'
import { removeFromLostReports, writeLostReports } from './lost-reports.ts'
import { writeClockGap, writeCloneGap, writeLastingGap } from './platform-gaps.ts'
import { writeSets } from './point-writer.ts'
import { type PreparedReport, prepareReports } from './prepared-report.ts'
import type { Quotas } from './quota.ts'
import { assertNotRemoved } from './removed-sender.ts'
import { type OrderedReport, placeReport, type ReportPlace } from './report-order.ts'
import type { SeriesIndex, SeriesLookup } from './series-index.ts'
import { keepEntities, type ReportStamp, writeEntities, writeEvents, writeGaps } from './signal-writers.ts'
import { markDeletedBySnapshot } from './snapshot-deletion.ts'
import { recordPart } from './snapshot-parts.ts'
import { inParts, type Pause, weightOfEntity, weightOfEvent, weightOfPoints } from './write-parts.ts'

/** Time after the newest report from which a report is never late. Longer than the error of a clock that is kept. */
const MUCH_LATER_MS = 600_000

/** Writes the reports of requests. Those of one request are stored together or not at all. */
export function createReportWriter(commits: GroupCommit, index: SeriesIndex, quotas: Quotas): SignalStore['write'] {
  return async (sender, reports, receivedAt) => {
    const { environment, agent_type: agentType } = sender
    const prepared = await runInTimeSlices(prepareReports(reports))
    const lookup = index.begin()
    const quota = quotas.begin(environment)
    const writing = commits.run(rowsOf(prepared), async (transaction, pause) => {
      const agents = new Map<string, AgentState>()
      const byAgent = Map.groupBy(reports, (report) => report.agent_id)
      await assertNotRemoved(transaction, sender, [...byAgent.keys()])
      for (const [id, own] of byAgent) {
        agents.set(id, await openAgent(transaction, environment, agentType, own, receivedAt, quota))
        await pause()
      }
      let count = 0
      for (const each of prepared) {
        const { agent_id, report_id } = each.report
        const agent = agents.get(agent_id)
        if (agent === undefined || !(await insertReportId(transaction, agent.key, report_id, receivedAt))) continue
        count += 1
        agent.hasDelivered = true
        await writeReport(transaction, agent, each, lookup, pause)
        await pause()
      }
      for (const agent of agents.values()) {
        await writeNewest(transaction, agent)
        await writeNoticedGaps(transaction, agent)
        await pause()
      }
      quota.commit()
      const all = [...agents.values()]
      return {
        accepted: count,
        dropped: all.flatMap((agent) => agent.quota.dropped()),
        seriesSets: [...new Set(all.flatMap((agent) => agent.seriesSets))],
      }
    })
    try {
      const outcome = await writing
      lookup.commit()
      return { ...outcome, duplicates: reports.length - outcome.accepted }
    } catch (error) {
      quota.rollback()
      throw error
    }
  }
}

function rowsOf(prepared: readonly PreparedReport[]): number {
  return prepared.reduce((sum, { entities, points, events }) => {
    return sum + entities.length + events.length + points.reduce((count, { values }) => count + values.length, 0)
  }, 0)
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
  { report, entities, points, events }: PreparedReport,
  index: SeriesLookup,
  pause: Pause,
): Promise<void> {
  const { key, offset, receivedAt } = agent
  const at = correctTime(Date.parse(report.timestamp), offset, receivedAt) ?? receivedAt
  // Events and gaps may have times of other clocks: a time that is still too far ahead becomes the report's.
  const timeOf = (text: string, ahead?: number): number => {
    const own = ahead === undefined ? offset : offsetOfOtherClock(offset, ahead)
    return correctTime(Date.parse(text), own, receivedAt) ?? at
  }
  const isMuchLater = agent.newestAt !== null && at - agent.newestAt > MUCH_LATER_MS
  const { revision, newest } = await place(transaction, agent, { ...report, isMuchLater })
  const stamp: ReportStamp = { agent: key, at, revision }
  const isLate = newest === agent.newest
  if (isLate) await removeFromLostReports(transaction, stamp, report)
  else {
    const { newestAt, reportIntervalSeconds: intervalSeconds, startedAt } = agent
    const previous = { ...agent.newest, at: newestAt, intervalSeconds, startedAt }
    // Clones count their reports independently.
    if (!agent.isCloned) await writeLostReports(transaction, stamp, previous, report)
    agent.newest = newest
    agent.newestAt = at
    agent.reportedAt = at
  }

  for (const part of inParts(entities, (entity) => weightOfEntity(entity))) {
    const { admitted, outdated, replacedBytes } = await agent.quota.admitEntities(transaction, part, revision)
    for (const few of inParts(admitted, (entity) => weightOfEntity(entity, replacedBytes(entity)))) {
      await writeEntities(transaction, stamp, few)
      await pause()
    }
    await keepEntities(transaction, stamp, outdated)
    await pause()
  }
  if (isSnapshot(report)) await markDeletedBySnapshot(transaction, stamp, pause, report.snapshot_except)
  if (report.part !== undefined && isSnapshot(report.part))
    await recordPart(transaction, stamp, report.part, receivedAt, pause)
  // The clock of the source has dated the points: an offset of the agent's clock does not apply.
  const timeOfPoints = (sourceAt: string | undefined): number =>
    sourceAt === undefined ? at : (correctTime(Date.parse(sourceAt), 0, receivedAt) ?? at)
  for (const part of inParts(points, weightOfPoints)) {
    await writeSets(transaction, agent, part, { timeOfPoints, isLate }, index)
    await pause()
  }
  for (const part of inParts(agent.quota.admitEvents(events), weightOfEvent)) {
    await writeEvents(
      transaction,
      part.map(({ event, attributes }) => ({
        agent_key: key,
        event_id: event.id ?? null,
        name: event.name,
        at: timeOf(event.at, event.clock_offset_ms),
        severity: SEVERITIES.indexOf(event.severity),
        entity_type: event.entity.type,
        entity_id: event.entity.id,
        body: event.body,
        attributes,
      })),
    )
    await pause()
  }
  await writeGaps(
    transaction,
    stamp,
    agent.quota.admitGaps(report.data.gaps).map(({ scope, reason, since, until }) => ({
      scope,
      reason,
      since: timeOf(since),
      ...(until !== undefined && { until: timeOf(until) }),
    })),
  )
}

interface SnapshotMark {
  readonly snapshot?: true | undefined
  readonly snapshot_except?: unknown
}

/** Returns true if entities that a report lacks may be deleted. */
function isSnapshot({ snapshot, snapshot_except }: SnapshotMark): boolean {
  return snapshot === true || snapshot_except !== undefined
}

/** Orders a report, and stores the new state of its leader term. */
async function place(
  transaction: Transaction<Tables>,
  { key, newest, receivedAt }: AgentState,
  report: OrderedReport,
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
  { key, offset, receivedAt, newest, reportedAt, hasDelivered, quota: { usage } }: AgentState,
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
    .set({
      last_delivery_at: receivedAt,
      series_count: usage.series,
      entity_count: usage.entities,
      entity_bytes: usage.stateBytes,
      ...newestReport,
    })
    .where('key', '=', key)
    .execute()
}

/** Stores as gaps, which are open until the next report, what the platform itself notices about an agent. */
async function writeNoticedGaps(
  transaction: Transaction<Tables>,
  { key, offset, wasBehind, isCloned, quota, revisionBefore, newest: { revision }, reportedAt: at }: AgentState,
): Promise<void> {
  if (at === undefined) return
  const stamp = { agent: key, at, revision }
  if (offset < 0) await writeClockGap(transaction, stamp, { behindMs: -offset, wasBehind })
  if (isCloned) await writeCloneGap(transaction, stamp)
  for (const gap of quota.gaps()) await writeLastingGap(transaction, stamp, gap, revisionBefore)
}
