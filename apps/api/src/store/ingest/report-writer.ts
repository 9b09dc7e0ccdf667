import { type Metric, type Report, SEVERITIES } from '@rca/core/protocol'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { isCloned, type SignalStore } from '../store.ts'
import { correctTime, findOffset, offsetOfOtherClock } from './clock-offset.ts'
import { endOtherTerms, findActiveTermId, findTerm, writeTerm } from './leader-terms.ts'
import { removeFromLostReports, writeLostReports } from './lost-reports.ts'
import { writeClockGap, writeCloneGap, writeLastingGap } from './platform-gaps.ts'
import type { AgentQuota, EnvironmentQuota, Quotas } from './quota.ts'
import { assertNotRemoved } from './removed-sender.ts'
import { type NewestReport, type OrderedReport, placeReport, type ReportPlace } from './report-order.ts'
import type { SeriesIndex, SeriesLookup } from './series-index.ts'
import { keepEntities, type ReportStamp, writeEntities, writeEvents, writeGaps, writePoints } from './signal-writers.ts'
import { markDeletedBySnapshot } from './snapshot-deletion.ts'
import { recordPart } from './snapshot-parts.ts'
import { createPause, inParts, type Pause, weightOfEntity } from './write-parts.ts'

/** Time after the newest report from which a report is never late. Longer than the error of a clock that is kept. */
const MUCH_LATER_MS = 600_000

/** State of an agent while a request is written. */
interface AgentState {
  readonly key: number
  /** Milliseconds by which its clock is ahead; negative if it is behind. */
  readonly offset: number
  readonly receivedAt: number
  /** True if its clock was behind at its last request. */
  readonly wasBehind: boolean
  /** True while several processes are this agent. */
  readonly isCloned: boolean
  readonly reportIntervalSeconds: number | null
  /** Corrected time at which its current run began. `null` before the first heartbeat. */
  readonly startedAt: number | null
  readonly quota: AgentQuota
  /** Revision of the newest report before this request. */
  readonly revisionBefore: number
  newest: NewestReport
  /** Time of the newest report. `null` before the first. */
  newestAt: number | null
  /** Corrected time of its newest report, if this request contains it. */
  reportedAt?: number
  /** True if this request contains a report that was not stored before. */
  hasDelivered: boolean
}

/** Writes batches of reports, each in one transaction. */
export function createReportWriter(database: Kysely<Tables>, index: SeriesIndex, quotas: Quotas): SignalStore['write'] {
  return async (sender, reports, receivedAt) => {
    const { environment, agent_type: agentType } = sender
    const lookup = index.begin()
    const quota = quotas.begin(environment)
    const writing = database.transaction().execute(async (transaction) => {
      const pause = createPause()
      const agents = new Map<string, AgentState>()
      const byAgent = Map.groupBy(reports, (report) => report.agent_id)
      await assertNotRemoved(transaction, sender, [...byAgent.keys()])
      for (const [id, own] of byAgent) {
        agents.set(id, await openAgent(transaction, environment, agentType, own, receivedAt, quota))
        await pause()
      }
      let count = 0
      for (const report of reports) {
        const agent = agents.get(report.agent_id)
        if (agent === undefined || !(await insertReportId(transaction, agent.key, report.report_id, receivedAt)))
          continue
        count += 1
        agent.hasDelivered = true
        await writeReport(transaction, agent, report, lookup, pause)
        await pause()
      }
      for (const agent of agents.values()) {
        await writeNewest(transaction, agent)
        await writeNoticedGaps(transaction, agent)
        await pause()
      }
      quota.commit()
      return { accepted: count, dropped: [...agents.values()].flatMap((agent) => agent.quota.dropped()) }
    })
    try {
      const { accepted, dropped } = await writing
      lookup.commit()
      return { accepted, duplicates: reports.length - accepted, dropped }
    } catch (error) {
      quota.rollback()
      throw error
    }
  }
}

async function openAgent(
  transaction: Transaction<Tables>,
  environment: string,
  agentType: string,
  reports: readonly Report[],
  receivedAt: number,
  quota: EnvironmentQuota,
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
      'started_at',
      'last_heartbeat_at',
      'last_report_at',
      'interval_seconds',
      'report_interval_seconds',
      'cloned_at',
      'series_count',
      'entity_count',
      'entity_bytes',
    ])
    .executeTakeFirstOrThrow()
  const times = reports.map((report) => Date.parse(report.timestamp))
  const offset = findOffset(times, receivedAt, row.clock_offset, emptyOutboxAt(row))
  return {
    key: row.key,
    offset,
    startedAt: row.started_at === null ? null : (correctTime(row.started_at, offset, receivedAt) ?? row.started_at),
    receivedAt,
    hasDelivered: false,
    wasBehind: row.clock_offset < 0,
    isCloned: isCloned(row.cloned_at, row.interval_seconds ?? 0, receivedAt),
    reportIntervalSeconds: row.report_interval_seconds,
    newestAt: row.last_report_at,
    quota: await quota.of(
      transaction,
      row.key,
      { series: row.series_count, entities: row.entity_count, stateBytes: row.entity_bytes },
      receivedAt,
    ),
    revisionBefore: row.newest_revision,
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
  pause: Pause,
): Promise<void> {
  const { key, offset, receivedAt } = agent
  const at = correctTime(Date.parse(report.timestamp), offset, receivedAt) ?? receivedAt
  // Points, events and gaps may have times of other clocks: a time that is still too far ahead becomes the report's.
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
  const { entities, metrics, events, gaps } = report.data

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
  const timeOfPoint = (metric: Metric): number => (metric.at === undefined ? at : timeOf(metric.at))
  for (const part of inParts(metrics)) {
    await writeMetrics(transaction, agent, part, { timeOfPoint, isLate }, index)
    await pause()
  }
  for (const part of inParts(agent.quota.admitEvents(events))) {
    await writeEvents(
      transaction,
      part.map((event) => ({
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
    await pause()
  }
  await writeGaps(
    transaction,
    stamp,
    agent.quota.admitGaps(gaps).map(({ scope, reason, since }) => ({ scope, reason, since: timeOf(since) })),
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

/** Writes the points of series for which there is room. */
async function writeMetrics(
  transaction: Transaction<Tables>,
  { key, quota }: AgentState,
  metrics: readonly Metric[],
  { timeOfPoint, isLate }: { readonly timeOfPoint: (metric: Metric) => number; readonly isLate: boolean },
  index: SeriesLookup,
): Promise<void> {
  const room = { stored: quota.usage.series, room: quota.roomForSeries() }
  const { ids, created } = await index.resolve(transaction, key, metrics, room)
  const dropped = new Map<string, number>()
  const points = metrics.flatMap((metric, place) => {
    const { name, value } = metric
    const series_id = ids[place]
    if (series_id !== undefined) return { series_id, at: timeOfPoint(metric), value }
    dropped.set(name, (dropped.get(name) ?? 0) + 1)
    return []
  })
  quota.addSeries(created, dropped)
  await writePoints(transaction, points, isLate)
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
