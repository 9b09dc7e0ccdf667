import type { Expression, ExpressionBuilder, Kysely, SqlBool, Transaction } from 'kysely'
import { toPage } from './page.ts'
import type { StoredEnvironment } from './records.ts'
import type { Tables } from './sqlite/tables.ts'
import type { AccessStore, NewToken, ProvisionSettings } from './store.ts'

export function createAccessStore(database: Kysely<Tables>, reader: Kysely<Tables>): AccessStore {
  return {
    provision: (token, settings) =>
      database.transaction().execute((transaction) => provision(transaction, token, settings)),

    findToken: (hash) => reader.selectFrom('tokens').selectAll().where('hash', '=', hash).executeTakeFirst(),

    rotate: (tokens, expireAt) =>
      database.transaction().execute(async (transaction) => {
        const validUntil: (number | undefined)[] = []
        for (const token of tokens) {
          validUntil.push(await expireOthers(transaction, token, expireAt))
          await transaction.insertInto('tokens').values(token).execute()
        }
        return validUntil
      }),

    revoke: (environment, agentType, at) =>
      database.transaction().execute((transaction) => revokeAccess(transaction, environment, agentType, at)),

    ...createEnvironmentReader(reader),
  }
}

/** Revokes the tokens and keys of an environment, or of one type. Returns how many of each were valid. */
export async function revokeAccess(
  transaction: Transaction<Tables>,
  environment: string,
  agentType: string | undefined,
  at: number,
): Promise<{ readonly tokens: number; readonly keys: number }> {
  const revokeIn = async (table: 'tokens' | 'agent_keys'): Promise<number> => {
    const valid = transaction
      .updateTable(table)
      .set({ revoked_at: at })
      .where('environment', '=', environment)
      .where('revoked_at', 'is', null)
      .where(({ or, eb }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
    const selected = agentType === undefined ? valid : valid.where('agent_type', '=', agentType)
    return Number((await selected.executeTakeFirst()).numUpdatedRows)
  }
  return { tokens: await revokeIn('tokens'), keys: await revokeIn('agent_keys') }
}

async function provision(
  transaction: Transaction<Tables>,
  token: NewToken,
  { config, withheld, limits }: ProvisionSettings,
): Promise<void> {
  const { environment, agent_type, created_at } = token
  await transaction
    .insertInto('environments')
    .values({ name: environment, created_at })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const settings = {
    config: JSON.stringify(config),
    withheld: JSON.stringify(withheld),
    token_ttl: limits.ttlMs,
    token_uses: limits.uses,
  }
  await transaction
    .insertInto('provisions')
    .values({ environment, agent_type, created_at, ...settings })
    .onConflict((conflict) => conflict.columns(['environment', 'agent_type']).doUpdateSet(settings))
    .execute()
  await transaction.insertInto('tokens').values(token).execute()
}

function notExpired(at: number) {
  return (builder: ExpressionBuilder<Tables, 'tokens'>): Expression<SqlBool> =>
    builder.or([builder('expires_at', 'is', null), builder('expires_at', '>', at)])
}

/** Lets the valid tokens of a type expire, at `expireAt` or earlier. Returns when the last of them expires. */
async function expireOthers(
  transaction: Transaction<Tables>,
  { environment, agent_type, created_at }: NewToken,
  expireAt: number,
): Promise<number | undefined> {
  const valid = await transaction
    .updateTable('tokens')
    .set(({ fn, val, ref }) => ({
      expires_at: fn<number>('min', [fn.coalesce(ref('expires_at'), val(expireAt)), val(expireAt)]),
    }))
    .where('environment', '=', environment)
    .where('agent_type', '=', agent_type)
    .where('revoked_at', 'is', null)
    .where(notExpired(created_at))
    .returning('expires_at')
    .execute()
  return valid.reduce<number | undefined>((last, token) => Math.max(last ?? 0, token.expires_at ?? 0), undefined)
}

function createEnvironmentReader(
  database: Kysely<Tables>,
): Pick<AccessStore, 'environments' | 'environment' | 'tokens' | 'settings'> {
  return {
    environments: async (page, names) => {
      const every = selectEnvironments(database)
      const all = names === undefined ? every : every.where('name', 'in', [...names])
      const from = page.after === undefined ? all : all.where('name', '>', String(page.after[0]))
      const rows = await from
        .orderBy('name')
        .limit(page.limit + 1)
        .execute()
      return toPage(await withTypes(database, rows), page, ({ name }) => [name])
    },

    environment: async (name) => {
      const rows = await selectEnvironments(database).where('name', '=', name).execute()
      return (await withTypes(database, rows))[0]
    },

    tokens: (environment) =>
      database
        .selectFrom('tokens')
        .selectAll()
        .select(({ selectFrom }) => [
          selectFrom('token_agents')
            .select(({ fn }) => fn.countAll<number>().as('count'))
            .whereRef('token_agents.token_id', '=', 'tokens.id')
            .$asScalar()
            .$notNull()
            .as('agents'),
        ])
        .where('environment', '=', environment)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .execute(),

    settings: async (environment, agentType) => {
      const row = await database
        .selectFrom('provisions')
        .select(['config', 'withheld', 'token_ttl', 'token_uses'])
        .where('environment', '=', environment)
        .where('agent_type', '=', agentType)
        .executeTakeFirst()
      return row === undefined
        ? undefined
        : {
            config: JSON.parse(row.config) as Record<string, unknown>,
            withheld: JSON.parse(row.withheld) as string[],
            limits: { ttlMs: row.token_ttl, uses: row.token_uses },
          }
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
    ...row,
    agents: row.agents ?? 0,
    agent_types: (types.get(row.name) ?? []).map((provision) => provision.agent_type),
  }))
}
