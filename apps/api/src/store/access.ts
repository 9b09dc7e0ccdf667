import type { Kysely, Transaction } from 'kysely'
import { createEnvironmentReader, toToken } from './read/environments.ts'
import type { Tables } from './sqlite/tables.ts'
import type { AccessStore, NewToken, ProvisionSettings } from './store.ts'

/** Environments, provisions and tokens. */
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
        .where((expression) => expression.or([expression('expires_at', 'is', null), expression('expires_at', '>', at)]))
      const meant = agentType === undefined ? valid : valid.where('agent_type', '=', agentType)
      return Number((await meant.executeTakeFirst()).numUpdatedRows)
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
  const written = { config: JSON.stringify(config), withheld: JSON.stringify(withheld) }
  await transaction
    .insertInto('provisions')
    .values({ environment, agent_type: agentType, ...written, created_at: createdAt })
    .onConflict((conflict) => conflict.columns(['environment', 'agent_type']).doUpdateSet(written))
    .execute()
  await insertToken(transaction, token)
}

async function insertToken(transaction: Transaction<Tables>, token: NewToken): Promise<void> {
  const { environment, agentType, hash, createdAt } = token
  await transaction
    .insertInto('tokens')
    .values({ environment, agent_type: agentType, hash, created_at: createdAt })
    .execute()
}

/** A token that expires earlier anyway keeps its time. Returns when the last valid one expires. */
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
    .where((expression) =>
      expression.or([expression('expires_at', 'is', null), expression('expires_at', '>', createdAt)]),
    )
    .returning('expires_at')
    .execute()
  return valid.reduce<number | undefined>((last, token) => Math.max(last ?? 0, token.expires_at ?? 0), undefined)
}
