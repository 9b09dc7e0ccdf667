import { SEVERITIES } from '@rca/core'
import type { Report } from '@rca/core/protocol'
import type { Kysely, Transaction } from 'kysely'
import type { SeriesIndex, SeriesLookup } from './series-index.ts'
import { markAbsent, writeEntities, writeEvents, writeGaps, writePoints } from './signal-writers.ts'
import type { SignalStore } from './store.ts'
import type { Tables } from './tables.ts'

/** How far ahead an agent's clock may be, in milliseconds. What is dated later counts as of its arrival, or it would hide everything after it. */
const CLOCK_LEAD = 5 * 60_000

/** Writes batches of reports: one transaction each. */
export function createReportWriter(database: Kysely<Tables>, index: SeriesIndex): Pick<SignalStore, 'write'> {
  return {
    write: async (environment, agentType, reports, receivedAt) => {
      const found = index.begin()
      const accepted = await database.transaction().execute(async (transaction) => {
        const keys = new Map<string, number>()
        let fresh = 0
        for (const report of reports) {
          const key =
            keys.get(report.agent_id) ?? (await agentKey(transaction, environment, agentType, report, receivedAt))
          keys.set(report.agent_id, key)
          if (!(await isFresh(transaction, key, report.report_id, receivedAt))) continue
          fresh += 1
          await writeReport(transaction, key, report, receivedAt, found)
        }
        return fresh
      })
      found.commit()
      return { accepted, duplicates: reports.length - accepted }
    },
  }
}

async function agentKey(
  transaction: Transaction<Tables>,
  environment: string,
  agentType: string,
  report: Report,
  at: number,
): Promise<number> {
  const { key } = await transaction
    .insertInto('agents')
    .values({
      environment,
      agent_type: agentType,
      agent_id: report.agent_id,
      agent_version: report.agent_version,
      first_seen_at: at,
      last_seen_at: at,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['environment', 'agent_type', 'agent_id'])
        .doUpdateSet({ last_seen_at: at, agent_version: report.agent_version }),
    )
    .returning('key')
    .executeTakeFirstOrThrow()
  return key
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
  agent: number,
  report: Report,
  receivedAt: number,
  index: SeriesLookup,
): Promise<void> {
  const stated = Date.parse(report.timestamp)
  const at = stated > receivedAt + CLOCK_LEAD ? receivedAt : stated
  const { entities, metrics, events, gaps } = report.data

  await writeEntities(transaction, agent, entities, at)
  if (report.snapshot === true) await markAbsent(transaction, agent, at)
  await writePoints(transaction, await index.resolve(transaction, agent, metrics), metrics, at)
  await writeEvents(
    transaction,
    events.map((event) => ({
      agent_key: agent,
      event_id: event.id ?? null,
      name: event.name,
      at: Date.parse(event.at),
      severity: SEVERITIES.indexOf(event.severity),
      entity_type: event.entity.type,
      entity_id: event.entity.id,
      body: event.body,
      attributes: JSON.stringify(event.attributes),
    })),
  )
  await writeGaps(
    transaction,
    gaps.map((gap) => ({
      agent_key: agent,
      scope: gap.scope,
      since: Date.parse(gap.since),
      reason: gap.reason,
      last_reported_at: at,
    })),
  )
  await noteReport(transaction, agent, at)
}

/** Late reports do not turn the clock back. */
async function noteReport(transaction: Transaction<Tables>, agent: number, at: number): Promise<void> {
  await transaction
    .updateTable('agents')
    .set((expression) => ({
      last_report_at: expression.fn<number>('max', [
        expression.fn.coalesce('last_report_at', expression.val(at)),
        expression.val(at),
      ]),
    }))
    .where('key', '=', agent)
    .execute()
}
