import type { ReceivedReport } from '@rca/core/protocol'
import type { Selectable, Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { isCloned } from '../store.ts'
import { correctTime, findOffset } from './clock-offset.ts'
import type { AgentQuota, EnvironmentQuota } from './quota.ts'
import type { NewestReport } from './report-order.ts'

/** State of an agent while a request is written. */
export interface AgentState {
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
  /** Hashes of the stored sets of series whose points this request has in full. */
  readonly seriesSets: string[]
}

/** Creates or updates the agent of reports, and reads its state. */
export async function openAgent(
  transaction: Transaction<Tables>,
  environment: string,
  agentType: string,
  reports: readonly ReceivedReport[],
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
    seriesSets: [],
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
