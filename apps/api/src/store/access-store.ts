import type { Expression, ExpressionBuilder, Kysely, Selectable, SqlBool, Transaction } from 'kysely'
import { toPage } from './page.ts'
import type { StoredEnvironment, StoredToken } from './records.ts'
import type { Tables } from './sqlite/tables.ts'
import type { AccessStore, NewToken, ProvisionSettings } from './store.ts'

/** Stores environments, provisions and tokens. */
export function createAccessStore(database: Kysely<Tables>): AccessStore {
  return {
    provision: (token, settings) =>
      database.transaction().execute((transaction) => provision(transaction, token, settings)),

    findToken: async (hash) => {
      const row = await database.selectFrom('tokens').selectAll().where('hash', '=', hash).executeTakeFirst()
      return row === undefined ? undefined : toToken(row)
    },

    rotate: (tokens, expireAt) =>
      database.transaction().execute(async (transaction) => {
        const validUntil: (number | undefined)[] = []
        for (const token of tokens) {
          validUntil.push(await expireOthers(transaction, token, expireAt))
          await insertToken(transaction, token)
        }
        return validUntil
      }),

    revoke: async (environment, agentType, at) => {
      const valid = database
        .updateTable('tokens')
        .set({ revoked_at: at })
        .where('environment', '=', environment)
        .where('revoked_at', 'is', null)
        .where(notExpired(at))
      const selected = agentType === undefined ? valid : valid.where('agent_type', '=', agentType)
      return Number((await selected.executeTakeFirst()).numUpdatedRows)
    },

    ...createEnvironmentReader(database),
  }
}

async function provision(
  transaction: Transaction<Tables>,
  token: NewToken,
  { config, withheld }: ProvisionSettings,
): Promise<void> {
  const { environment, agentType, createdAt } = token
  await transaction
    .insertInto('environments')
    .values({ name: environment, created_at: createdAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const settings = { config: JSON.stringify(config), withheld: JSON.stringify(withheld) }
  await transaction
    .insertInto('provisions')
    .values({ environment, agent_type: agentType, ...settings, created_at: createdAt })
    .onConflict((conflict) => conflict.columns(['environment', 'agent_type']).doUpdateSet(settings))
    .execute()
  await insertToken(transaction, token)
}

function notExpired(at: number) {
  return (builder: ExpressionBuilder<Tables, 'tokens'>): Expression<SqlBool> =>
    builder.or([builder('expires_at', 'is', null), builder('expires_at', '>', at)])
}

async function insertToken(transaction: Transaction<Tables>, token: NewToken): Promise<void> {
  const { environment, agentType, hash, createdAt } = token
  await transaction
    .insertInto('tokens')
    .values({ environment, agent_type: agentType, hash, created_at: createdAt })
    .execute()
}

/** Lets the valid tokens of a type expire, at `expireAt` or earlier. Returns when the last of them expires. */
async function expireOthers(
  transaction: Transaction<Tables>,
  { environment, agentType, createdAt }: NewToken,
  expireAt: number,
): Promise<number | undefined> {
  const valid = await transaction
    .updateTable('tokens')
    .set(({ fn, val, ref }) => ({
      expires_at: fn<number>('min', [fn.coalesce(ref('expires_at'), val(expireAt)), val(expireAt)]),
    }))
    .where('environment', '=', environment)
    .where('agent_type', '=', agentType)
    .where('revoked_at', 'is', null)
    .where(notExpired(createdAt))
    .returning('expires_at')
    .execute()
  return valid.reduce<number | undefined>((last, token) => Math.max(last ?? 0, token.expires_at ?? 0), undefined)
}

function createEnvironmentReader(
  database: Kysely<Tables>,
): Pick<AccessStore, 'environments' | 'environment' | 'tokens' | 'settings'> {
  return {
    environments: async (page) => {
      const all = selectEnvironments(database)
      const from = page.after === undefined ? all : all.where('name', '>', String(page.after[0]))
      const rows = await withTypes(
        database,
        await from
          .orderBy('name')
          .limit(page.limit + 1)
          .execute(),
      )
      return toPage(
        rows,
        page,
        (row) => row,
        (row) => [row.name],
      )
    },

    environment: async (name) => {
      const rows = await selectEnvironments(database).where('name', '=', name).execute()
      return (await withTypes(database, rows))[0]
    },

    tokens: async (environment) => {
      const rows = await database
        .selectFrom('tokens')
        .selectAll()
        .where('environment', '=', environment)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .execute()
      return rows.map(toToken)
    },

    settings: async (environment, agentType) => {
      const row = await database
        .selectFrom('provisions')
        .select(['config', 'withheld'])
        .where('environment', '=', environment)
        .where('agent_type', '=', agentType)
        .executeTakeFirst()
      return row === undefined
        ? undefined
        : { config: JSON.parse(row.config) as Record<string, unknown>, withheld: JSON.parse(row.withheld) as string[] }
    },
  }
}

function selectEnvironments(database: Kysely<Tables>) {
  return database
    .selectFrom('environments')
    .select(['name', 'created_at'])
    .select(({ selectFrom }) => [
      selectFrom('agents')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .whereRef('agents.environment', '=', 'environments.name')
        .as('agents'),
    ])
}

type EnvironmentRow = Awaited<ReturnType<ReturnType<typeof selectEnvironments>['execute']>>[number]

async function withTypes(database: Kysely<Tables>, rows: readonly EnvironmentRow[]): Promise<StoredEnvironment[]> {
  if (rows.length === 0) return []
  const provisions = await database
    .selectFrom('provisions')
    .select(['environment', 'agent_type'])
    .where(
      'environment',
      'in',
      rows.map((row) => row.name),
    )
    .orderBy('agent_type')
    .execute()
  const types = Map.groupBy(provisions, (provision) => provision.environment)
  return rows.map((row) => ({
    name: row.name,
    createdAt: row.created_at,
    agents: row.agents ?? 0,
    agentTypes: (types.get(row.name) ?? []).map((provision) => provision.agent_type),
  }))
}

function toToken(row: Selectable<Tables['tokens']>): StoredToken {
  return {
    id: row.id,
    environment: row.environment,
    agentType: row.agent_type,
    hash: row.hash,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  }
}
