import { type Kysely, sql } from 'kysely'
import { toPage } from './page.ts'
import type { AuditEntry } from './records.ts'
import type { ReadPool } from './sqlite/read-pool.ts'
import type { Tables } from './sqlite/tables.ts'
import { type AuditStore, foldKey, type NewAuditEntry } from './store.ts'

/** Maximum entries of each kind. The oldest are removed. Refusals, which anyone can cause, displace no changes. */
const MAX_ENTRIES = { done: 100_000, refused: 10_000 } as const

/** Equal refusals are one entry with a count for this long after the first. */
const FOLD_MS = 86_400_000

/** Entries that are kept whatever their age: a clock that jumps removes no more than the others. */
const MIN_ENTRIES = 1000

/** Stores who changed what, and who was refused. */
export function createAuditStore(writer: Kysely<Tables>, pool: ReadPool): AuditStore {
  return {
    record: (entries) =>
      writer.transaction().execute(async (transaction) => {
        for (const entry of entries) if (!(await fold(transaction, entry))) await insert(transaction, entry)
      }),

    list: async ({ from, to, environment, ...equal }, page, session) => {
      let query = pool.database(session).selectFrom('audit').selectAll()
      if (from !== undefined) query = query.where('last_at', '>=', from)
      if (to !== undefined) query = query.where('at', '<', to)
      if (environment !== undefined) query = query.where('environment', 'in', [environment].flat())
      for (const [column, value] of Object.entries(equal))
        if (value !== undefined) query = query.where(column as 'action', '=', value)
      if (page.after !== undefined) {
        const [at = 0, id = 0] = page.after
        query = query.where(sql<boolean>`(last_at, id) < (${at}, ${id})`)
      }
      const rows = await query
        .orderBy('last_at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute()
      return toPage(rows as AuditEntry[], page, ({ last_at, id }) => [last_at, id])
    },

    trim: async (before) => {
      const isRefused = sql`outcome = 'refused'`
      for (const [which, limit] of [
        [isRefused, MAX_ENTRIES.refused],
        [sql`not ${isRefused}`, MAX_ENTRIES.done],
      ] as const)
        await sql`delete from audit where ${which} and id <= (
          select id from audit where ${which} order by id desc limit 1 offset ${limit})`.execute(writer)
      await sql`delete from audit where last_at < ${before} and id <= (
        select id from audit order by id desc limit 1 offset ${MIN_ENTRIES})`.execute(writer)
    },
  }
}

/** Adds a refusal to an equal one. Returns false without one. */
async function fold(transaction: Kysely<Tables>, entry: NewAuditEntry): Promise<boolean> {
  if (entry.status < 400) return false
  const recent = await transaction
    .selectFrom('audit')
    .selectAll()
    .where('address', '=', entry.address)
    .where('status', '>=', 400)
    .where('at', '>', entry.at - FOLD_MS)
    .where('at', '<=', entry.at)
    .orderBy('id', 'desc')
    .execute()
  const found = (recent as AuditEntry[]).find((other) => foldKey(other) === foldKey(entry))
  if (found === undefined) return false
  const { count, last_at, at: _, ...newest } = entry
  await transaction
    .updateTable('audit')
    .set({ ...newest, last_at })
    .set(({ eb }) => ({ count: eb('count', '+', count) }))
    .where('id', '=', found.id)
    .execute()
  return true
}

async function insert(transaction: Kysely<Tables>, entry: NewAuditEntry): Promise<void> {
  await transaction.insertInto('audit').values(entry).execute()
}
