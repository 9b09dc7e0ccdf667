import { type Kysely, sql, type Transaction } from 'kysely'
import type { StoreLimits } from './limits.ts'
import type { AgentIdentity, StoredKey, StoredToken } from './records.ts'
import type { Tables } from './sqlite/tables.ts'
import type { EnrolmentStore, JoinRefusal } from './store.ts'

/** Keys per agent, the most recently used first. Each replica of an agent may have its own. */
const MAX_KEYS = 50

/** Unused successors of one key: those of lost answers. */
const MAX_SUCCESSORS = 3

/** Time after its last call for which an agent counts as one of those that the platform admits with a token. */
const PRESENCE_MS = 86_400_000

/** Stores the agents that joined with a token, their keys and their revocation. */
export function createEnrolmentStore(
  database: Kysely<Tables>,
  reader: Kysely<Tables>,
  { agentsPerToken }: Pick<StoreLimits, 'agentsPerToken'>,
): EnrolmentStore {
  const write = <Result>(run: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result> =>
    database.transaction().execute(run)
  return {
    join: async (token, agentIds, at, replacedId) => {
      // Agents that joined before wait for no transaction.
      const areMembers = (await findMembers(reader, token, agentIds)).size === new Set(agentIds).size
      if (areMembers && !(await isRevoked(reader, token, agentIds))) return undefined
      return write((transaction) => join(transaction, token, agentIds, at, replacedId, agentsPerToken))
    },

    mayJoin: async (token, agentId, at) => {
      if (await isRevoked(reader, token, [agentId])) return 'revoked'
      const isMember = (await findMembers(reader, token, [agentId])).size > 0
      if (isMember || (isUnlimited(token) && (await findKnown(reader, token, [agentId])).size > 0)) return undefined
      return refusalOf(reader, token, 1, at, agentsPerToken)
    },

    enroll: (token, agentId, key, replacedId) =>
      write(async (transaction) => {
        const refusal = await join(transaction, token, [agentId], key.created_at, replacedId, agentsPerToken)
        if (refusal === undefined) await addKey(transaction, token, agentId, key)
        return refusal
      }),

    findKey: (hash) => reader.selectFrom('agent_keys').selectAll().where('hash', '=', hash).executeTakeFirst(),

    confirmKey: async (key, at) => {
      if (key.confirmed_at === null) await write((transaction) => confirm(transaction, key, at))
    },

    rotateKey: (key, successor) => write((transaction) => rotate(transaction, key, successor)),

    revokeAgent: (agent, at) => write((transaction) => revokeAgent(transaction, agent, at)),

    identities: async (agentId, { environment, agent_type }) => {
      const select = (table: 'agents' | 'agent_keys') =>
        reader
          .selectFrom(table)
          .select(['environment', 'agent_type', 'agent_id'])
          .where('agent_id', '=', agentId)
          .$if(environment !== undefined, (query) => query.where('environment', 'in', [environment ?? []].flat()))
          .$if(agent_type !== undefined, (query) => query.where('agent_type', '=', agent_type ?? ''))
      return select('agents').union(select('agent_keys')).orderBy('environment').orderBy('agent_type').execute()
    },
  }
}

type NewKey = Pick<StoredKey, 'hash' | 'created_at' | 'expires_at'>

async function addKey(
  transaction: Transaction<Tables>,
  { id: token_id, environment, agent_type }: StoredToken,
  agent_id: string,
  key: NewKey,
): Promise<void> {
  const agent = { environment, agent_type, agent_id }
  const { id } = await transaction
    .insertInto('agent_keys')
    .values({ ...agent, ...key, token_id, confirmed_at: key.created_at })
    .returning('id')
    .executeTakeFirstOrThrow()
  await removeKeysBeyondLimit(transaction, agent, id)
}

/** Returns false if the key was revoked or replaced meanwhile. */
async function rotate(transaction: Transaction<Tables>, { id }: StoredKey, successor: NewKey): Promise<boolean> {
  const at = successor.created_at
  const current = await transaction
    .updateTable('agent_keys')
    .set({ last_used_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  if (current === undefined) return false
  if (current.confirmed_at === null) await confirm(transaction, current, at)
  const { environment, agent_type, agent_id, token_id } = current
  await transaction
    .insertInto('agent_keys')
    .values({ environment, agent_type, agent_id, token_id, ...successor, replaces_id: id })
    .execute()
  await removeOldSuccessors(transaction, id)
  // An agent with a key does not call with its token: the rotation shows that it still exists.
  const joined = transaction.updateTable('token_agents').set({ last_used_at: at }).where('token_id', '=', token_id)
  await joined.where('agent_id', '=', agent_id).execute()
  return true
}

/** Revokes the keys of an agent, and its use of all tokens from before. Returns how many keys were valid. */
export async function revokeAgent(transaction: Transaction<Tables>, agent: AgentIdentity, at: number): Promise<number> {
  const keys = await transaction
    .updateTable('agent_keys')
    .set({ revoked_at: at })
    .where(({ and }) => and(agent))
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', at)
    .executeTakeFirst()
  await transaction
    .insertInto('agent_revocations')
    .values({ ...agent, revoked_at: at })
    .onConflict((conflict) =>
      conflict.columns(['environment', 'agent_type', 'agent_id']).doUpdateSet({ revoked_at: at }),
    )
    .execute()
  await transaction
    .updateTable('agents')
    .set({ revoked_at: at })
    .where(({ and }) => and(agent))
    .execute()
  return Number(keys.numUpdatedRows)
}

async function findMembers(
  database: Kysely<Tables>,
  { id }: StoredToken,
  agentIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const joined = database.selectFrom('token_agents').select('agent_id').where('token_id', '=', id)
  return new Set((await joined.where('agent_id', 'in', agentIds).execute()).map((row) => row.agent_id))
}

/** Checks every agent before it writes anything. */
async function join(
  transaction: Transaction<Tables>,
  token: StoredToken,
  agentIds: readonly string[],
  at: number,
  replacedId: string | undefined,
  agentsPerToken: number,
): Promise<JoinRefusal | undefined> {
  const ids = [...new Set(agentIds)]
  if (await isRevoked(transaction, token, ids)) return 'revoked'
  const candidates = replacedId === undefined ? ids : [...ids, replacedId]
  const members = await findMembers(transaction, token, candidates)
  const strangers = ids.filter((id) => !members.has(id))
  const known = isUnlimited(token) ? await findKnown(transaction, token, strangers) : new Set<string>()
  const newIds = strangers.filter((id) => !known.has(id))
  const [newId] = newIds
  if (newId === undefined) return undefined
  const isReplacing = replacedId !== undefined && members.has(replacedId) && newIds.length === 1
  if (isReplacing && (await isProvisional(transaction, token, replacedId))) {
    await transaction
      .updateTable('token_agents')
      .set({ agent_id: newId, last_used_at: at })
      .where('token_id', '=', token.id)
      .where('agent_id', '=', replacedId)
      .execute()
    return undefined
  }
  const refusal = await refusalOf(transaction, token, newIds.length, at, agentsPerToken)
  if (refusal !== undefined) return refusal
  await transaction
    .insertInto('token_agents')
    .values(newIds.map((agent_id) => ({ token_id: token.id, agent_id, joined_at: at, last_used_at: at })))
    .execute()
  return undefined
}

/** Returns why a token does not admit so many new agents. */
async function refusalOf(
  database: Kysely<Tables>,
  token: StoredToken,
  newAgents: number,
  at: number,
  agentsPerToken: number,
): Promise<JoinRefusal | undefined> {
  const { id, joinable_until, max_agents } = token
  if (joinable_until !== null && joinable_until <= at) return 'closed'
  const { count } = await database
    .selectFrom('token_agents')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('token_id', '=', id)
    .executeTakeFirstOrThrow()
  if (count + newAgents <= (max_agents ?? agentsPerToken)) return undefined
  if (max_agents !== null) return 'full'
  return (await countPresent(database, token, at)) + newAgents <= agentsPerToken ? undefined : 'crowded'
}

/** Counts the agents that joined with a token or called within the last day. Hosts of a scaled fleet come and go. */
async function countPresent(
  database: Kysely<Tables>,
  { id, environment, agent_type }: StoredToken,
  at: number,
): Promise<number> {
  const since = at - PRESENCE_MS
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from token_agents
    where token_id = ${id} and (joined_at > ${since} or exists (
      select 1 from agents where environment = ${environment} and agent_type = ${agent_type}
        and agent_id = token_agents.agent_id and last_seen_at > ${since}))`.execute(database)
  return rows[0]?.count ?? 0
}

function isUnlimited({ joinable_until, max_agents }: StoredToken): boolean {
  return joinable_until === null && max_agents === null
}

/** Finds agents that have called. Earlier versions did not record which agents joined with a token without limits. */
async function findKnown(
  database: Kysely<Tables>,
  { environment, agent_type }: StoredToken,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const rows = await database
    .selectFrom('agents')
    .select('agent_id')
    .where('environment', '=', environment)
    .where('agent_type', '=', agent_type)
    .where('agent_id', 'in', [...ids])
    .execute()
  return new Set(rows.map((row) => row.agent_id))
}

/** Returns true if one of the agents was revoked, or removed, after the credential was created. */
export async function isRevoked(
  database: Kysely<Tables>,
  { environment, agent_type, created_at }: Pick<StoredToken, 'environment' | 'agent_type' | 'created_at'>,
  ids: readonly string[],
): Promise<boolean> {
  const revocation = await database
    .selectFrom('agent_revocations')
    .select('agent_id')
    .where('environment', '=', environment)
    .where('agent_type', '=', agent_type)
    .where('agent_id', 'in', ids)
    .where('revoked_at', '>=', created_at)
    .executeTakeFirst()
  return revocation !== undefined
}

/** Only a provisional agent is replaced: no other passes its use of a token on. */
async function isProvisional(
  transaction: Transaction<Tables>,
  { environment, agent_type }: StoredToken,
  agentId: string,
): Promise<boolean> {
  const agent = await transaction
    .selectFrom('agents')
    .select('key')
    .where('environment', '=', environment)
    .where('agent_type', '=', agent_type)
    .where('agent_id', '=', agentId)
    .where('provisional', '=', 1)
    .executeTakeFirst()
  return agent !== undefined
}

/** Ends the replaced key and its other successors. */
async function confirm(transaction: Transaction<Tables>, { id, replaces_id }: StoredKey, at: number): Promise<void> {
  const unconfirmed = transaction.updateTable('agent_keys').set({ confirmed_at: at }).where('id', '=', id)
  const { numUpdatedRows } = await unconfirmed.where('confirmed_at', 'is', null).executeTakeFirstOrThrow()
  if (replaces_id === null || numUpdatedRows === 0n) return
  await transaction
    .deleteFrom('agent_keys')
    .where('id', '!=', id)
    .where(({ or, and, eb }) =>
      or([eb('id', '=', replaces_id), and([eb('replaces_id', '=', replaces_id), eb('confirmed_at', 'is', null)])]),
    )
    .execute()
}

async function removeKeysBeyondLimit(
  transaction: Transaction<Tables>,
  { environment, agent_type, agent_id }: AgentIdentity,
  newest: number,
): Promise<void> {
  await sql`delete from agent_keys where id in (
    select id from agent_keys
    where environment = ${environment} and agent_type = ${agent_type} and agent_id = ${agent_id} and id != ${newest}
    order by coalesce(last_used_at, created_at) desc, id desc limit -1 offset ${MAX_KEYS - 1}
  )`.execute(transaction)
}

async function removeOldSuccessors(transaction: Transaction<Tables>, replacedId: number): Promise<void> {
  await sql`delete from agent_keys where id in (
    select id from agent_keys where replaces_id = ${replacedId} and confirmed_at is null
    order by id desc limit -1 offset ${MAX_SUCCESSORS}
  )`.execute(transaction)
}
