import { sql, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { type Lead, ROOM } from './leader-terms-order.ts'

/** Most leads of one agent that are kept: an election that does not come to rest begins many. */
const MOST = 100

/** What is known of a lead. */
export async function findLead(
  transaction: Transaction<Tables>,
  agent: number,
  leadId: string,
): Promise<Lead | undefined> {
  const row = await transaction
    .selectFrom('agent_leads')
    .select(['revision', 'sequence', 'ceiling'])
    .where('agent_key', '=', agent)
    .where('lead_id', '=', leadId)
    .executeTakeFirst()
  return row === undefined ? undefined : { ...row, ceiling: row.ceiling ?? undefined }
}

/** The lead that no other has followed; empty where there is none. */
export async function findLeading(transaction: Transaction<Tables>, agent: number): Promise<string> {
  const row = await transaction
    .selectFrom('agent_leads')
    .select('lead_id')
    .where('agent_key', '=', agent)
    .where('ceiling', 'is', null)
    .executeTakeFirst()
  return row?.lead_id ?? ''
}

/** Writes what is known of a lead. */
export async function writeLead(
  transaction: Transaction<Tables>,
  agent: number,
  leadId: string,
  { revision, sequence, ceiling }: Lead,
  at: number,
): Promise<void> {
  const said = { revision, sequence, ceiling: ceiling ?? null, last_report_at: at }
  await transaction
    .insertInto('agent_leads')
    .values({ agent_key: agent, lead_id: leadId, ...said })
    .onConflict((conflict) => conflict.columns(['agent_key', 'lead_id']).doUpdateSet(said))
    .execute()
}

/** A lead follows all others, of which the oldest are forgotten: what still arrives of them counts as of one that was never heard of. */
export async function endOtherLeads(
  transaction: Transaction<Tables>,
  agent: number,
  leadId: string,
  ceiling: number,
): Promise<void> {
  await transaction
    .updateTable('agent_leads')
    .set({ ceiling })
    .where('agent_key', '=', agent)
    .where('lead_id', '!=', leadId)
    .where('ceiling', 'is', null)
    .execute()
  await sql`delete from agent_leads where agent_key = ${agent} and ceiling is not null and lead_id in (
    select lead_id from agent_leads where agent_key = ${agent} order by last_report_at desc, lead_id desc limit -1 offset ${MOST}
  )`.execute(transaction)
}

/** An instance says that it leads now, which is true whatever was believed before. Its first report takes over. */
export async function noteLead(
  transaction: Transaction<Tables>,
  agent: { readonly key: number; readonly newest_revision: number },
  leadId: string,
  at: number,
): Promise<void> {
  const known = await findLead(transaction, agent.key, leadId)
  if (known !== undefined && known.ceiling === undefined) return
  const { revision, sequence } = known ?? { revision: agent.newest_revision, sequence: 0 }
  await writeLead(transaction, agent.key, leadId, { revision, sequence, ceiling: undefined }, at)
  await endOtherLeads(transaction, agent.key, leadId, agent.newest_revision + ROOM - 1)
}
