import type { Report } from '@rca/core/protocol'
import { sql, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { markAbsent, type Stamp } from './signal-writers.ts'

/**
 * Notes that a part of a snapshot has arrived: early, late or in order, but each only once. With the part that was missing, what was last
 * heard of before all of them no longer exists. A snapshot of which a part never arrives says nothing of what is absent.
 */
export async function notePart(
  transaction: Transaction<Tables>,
  { agent, at, revision }: Stamp,
  { first, number, last }: NonNullable<Report['part']>,
  receivedAt: number,
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
  // All of them are counted only once the last one is there.
  if (highest.last === 0) return
  const arrived = await transaction
    .selectFrom('snapshot_parts')
    .select([sql<number>`count(*)`.as('parts'), sql<number>`min(revision)`.as('revision')])
    .where('agent_key', '=', agent)
    .where('first_id', '=', firstId)
    .executeTakeFirstOrThrow()
  if (arrived.parts !== highest.number + 1) return
  await markAbsent(transaction, { agent, at, revision: arrived.revision })
  await transaction
    .deleteFrom('snapshot_parts')
    .where('agent_key', '=', agent)
    .where('first_id', '=', firstId)
    .execute()
}
