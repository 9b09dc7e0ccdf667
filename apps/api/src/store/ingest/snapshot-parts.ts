import type { Report } from '@rca/core/protocol'
import { sql, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { ReportStamp } from './signal-writers.ts'
import { markDeletedBySnapshot } from './snapshot-deletion.ts'
import type { Pause } from './write-parts.ts'

/**
 * Records an arrived part of a snapshot, in any order; duplicates are ignored. The last missing part completes the
 * snapshot, which then marks entities without a report since its first part as deleted. An incomplete snapshot marks
 * none.
 */
export async function recordPart(
  transaction: Transaction<Tables>,
  { agent, at, revision }: ReportStamp,
  { first, number, last, snapshot_except }: NonNullable<Report['part']>,
  receivedAt: number,
  pause: Pause,
): Promise<void> {
  const firstId = first.toLowerCase()
  await transaction
    .insertInto('snapshot_parts')
    .values({
      agent_key: agent,
      first_id: firstId,
      number,
      last: last === true ? 1 : 0,
      revision,
      received_at: receivedAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const highest = await transaction
    .selectFrom('snapshot_parts')
    .select(['number', 'last'])
    .where('agent_key', '=', agent)
    .where('first_id', '=', firstId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  // The number of parts is known once the last one has arrived.
  if (highest.last === 0) return
  const arrived = await transaction
    .selectFrom('snapshot_parts')
    .select([sql<number>`count(*)`.as('parts'), sql<number>`min(revision)`.as('revision')])
    .where('agent_key', '=', agent)
    .where('first_id', '=', firstId)
    .executeTakeFirstOrThrow()
  if (arrived.parts !== highest.number + 1) return
  await markDeletedBySnapshot(transaction, { agent, at, revision: arrived.revision }, pause, snapshot_except)
  await transaction
    .deleteFrom('snapshot_parts')
    .where('agent_key', '=', agent)
    .where('first_id', '=', firstId)
    .execute()
}
