import { sql, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { type LeaderTerm, REVISIONS_PER_TERM } from './report-order.ts'

/** Stored terms per agent: an unstable election begins many. */
const MAX_TERMS = 100

export async function findTerm(
  transaction: Transaction<Tables>,
  agent: number,
  termId: string,
): Promise<LeaderTerm | undefined> {
  const row = await transaction
    .selectFrom('agent_leads')
    .select(['revision', 'sequence', 'ceiling'])
    .where('agent_key', '=', agent)
    .where('lead_id', '=', termId)
    .executeTakeFirst()
  return row === undefined ? undefined : { ...row, ceiling: row.ceiling ?? undefined }
}

/** Returns the id of the term that no other has followed, or an empty string. */
export async function findActiveTermId(transaction: Transaction<Tables>, agent: number): Promise<string> {
  const row = await transaction
    .selectFrom('agent_leads')
    .select('lead_id')
    .where('agent_key', '=', agent)
    .where('ceiling', 'is', null)
    .executeTakeFirst()
  return row?.lead_id ?? ''
}

export async function writeTerm(
  transaction: Transaction<Tables>,
  agent: number,
  termId: string,
  { revision, sequence, ceiling }: LeaderTerm,
  at: number,
): Promise<void> {
  const state = { revision, sequence, ceiling: ceiling ?? null, last_report_at: at }
  await transaction
    .insertInto('agent_leads')
    .values({ agent_key: agent, lead_id: termId, ...state })
    .onConflict((conflict) => conflict.columns(['agent_key', 'lead_id']).doUpdateSet(state))
    .execute()
}

/** Ends all other terms, and removes the oldest. Late reports of a removed term count as of an unknown term. */
export async function endOtherTerms(
  transaction: Transaction<Tables>,
  agent: number,
  termId: string,
  ceiling: number,
): Promise<void> {
  await transaction
    .updateTable('agent_leads')
    .set({ ceiling })
    .where('agent_key', '=', agent)
    .where('lead_id', '!=', termId)
    .where('ceiling', 'is', null)
    .execute()
  await sql`delete from agent_leads where agent_key = ${agent} and ceiling is not null and lead_id in (
    select lead_id from agent_leads where agent_key = ${agent} order by last_report_at desc, lead_id desc limit -1 offset ${MAX_TERMS}
  )`.execute(transaction)
}

/** Starts a term on its leader's heartbeat, even if it had ended. Its first report becomes the newest. */
export async function startTerm(
  transaction: Transaction<Tables>,
  agent: { readonly key: number; readonly newest_revision: number },
  termId: string,
  at: number,
): Promise<void> {
  const known = await findTerm(transaction, agent.key, termId)
  if (known !== undefined && known.ceiling === undefined) return
  const { revision, sequence } = known ?? { revision: agent.newest_revision, sequence: 0 }
  await writeTerm(transaction, agent.key, termId, { revision, sequence, ceiling: undefined }, at)
  await endOtherTerms(transaction, agent.key, termId, agent.newest_revision + REVISIONS_PER_TERM - 1)
}
