import type { ExpressionBuilder, Kysely, Selectable } from 'kysely'
import { toPage } from './page.ts'
import type { AccessToken } from './records.ts'
import type { Tables } from './sqlite/tables.ts'
import type { AccessTokenStore, NewAccessToken } from './store.ts'

/** Stores the tokens of people and programs. */
export function createAccessTokenStore(writer: Kysely<Tables>, reader: Kysely<Tables>): AccessTokenStore {
  return {
    add: (token) =>
      writer.transaction().execute(async (transaction) => {
        if ((await newestValid(transaction, token.name, token.created_at)) !== undefined) return false
        await insert(transaction, token)
        return true
      }),

    find: async (hash) => {
      const row = await reader.selectFrom('access_tokens').selectAll().where('hash', '=', hash).executeTakeFirst()
      return row === undefined ? undefined : parse(row)
    },

    list: async (page) => {
      const all = reader.selectFrom('access_tokens').selectAll()
      const [name = '', id = 0] = page.after ?? []
      const rest = all.where(({ or, and, eb }) =>
        or([eb('name', '>', String(name)), and([eb('name', '=', String(name)), eb('id', '<', Number(id))])]),
      )
      const rows = await (page.after === undefined ? all : rest)
        .orderBy('name')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute()
      return toPage(rows.map(parse), page, (token) => [token.name, token.id])
    },

    rotate: ({ name, hash, created_at }, expireAt) =>
      writer.transaction().execute(async (transaction) => {
        const predecessor = await newestValid(transaction, name, created_at)
        if (predecessor === undefined) return undefined
        const expired = await transaction
          .updateTable('access_tokens')
          .set(({ fn, val, ref }) => ({
            expires_at: fn<number>('min', [fn.coalesce(ref('expires_at'), val(expireAt)), val(expireAt)]),
          }))
          .where('name', '=', name)
          .where(isValid(created_at))
          .returning('expires_at')
          .execute()
        const { scopes, environments, ttl } = parse(predecessor)
        const expires_at = ttl === null ? null : created_at + ttl
        const token = await insert(transaction, { name, scopes, environments, hash, created_at, ttl, expires_at })
        return { token, previousValidUntil: Math.max(...expired.map((row) => row.expires_at ?? 0)) }
      }),

    revoke: async (name, at) => {
      const revoked = writer.updateTable('access_tokens').set({ revoked_at: at }).where('name', '=', name)
      return Number((await revoked.where(isValid(at)).executeTakeFirst()).numUpdatedRows)
    },

    use: async (id, at) => {
      await writer.updateTable('access_tokens').set({ last_used_at: at }).where('id', '=', id).execute()
    },
  }
}

function isValid(at: number) {
  return ({ and, or, eb }: ExpressionBuilder<Tables, 'access_tokens'>) =>
    and([eb('revoked_at', 'is', null), or([eb('expires_at', 'is', null), eb('expires_at', '>', at)])])
}

function newestValid(database: Kysely<Tables>, name: string, at: number) {
  return database
    .selectFrom('access_tokens')
    .selectAll()
    .where('name', '=', name)
    .where(isValid(at))
    .orderBy('id', 'desc')
    .executeTakeFirst()
}

async function insert(
  database: Kysely<Tables>,
  { scopes, environments, ...token }: NewAccessToken,
): Promise<AccessToken> {
  const values = {
    ...token,
    scopes: JSON.stringify(scopes),
    environments: environments === null ? null : JSON.stringify(environments),
  }
  return parse(await database.insertInto('access_tokens').values(values).returningAll().executeTakeFirstOrThrow())
}

function parse(row: Selectable<Tables['access_tokens']>): AccessToken {
  return {
    ...row,
    scopes: JSON.parse(row.scopes) as AccessToken['scopes'],
    environments: row.environments === null ? null : (JSON.parse(row.environments) as string[]),
  }
}
