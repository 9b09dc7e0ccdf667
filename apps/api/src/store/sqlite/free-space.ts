import { setImmediate } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { Storage } from './storage.ts'
import type { Tables } from './tables.ts'

/** Pages that are released together, in some 50 ms. Requests are served between two steps. */
const MAX_PAGES_PER_STEP = 500

/** Unused pages that stay in the file for the data until the next run: 4 MiB, or a part of the file. */
const MIN_UNUSED_PAGES = 1000
const MAX_UNUSED_SHARE = 0.05

/** Gives unused pages of the database and its write-ahead log back to the disk. */
export async function giveBackSpace(database: Kysely<Tables>, storage: Storage): Promise<void> {
  const read = async (pragma: string): Promise<number> => {
    const { rows } = await sql.raw<Record<string, number>>(`pragma ${pragma}`).execute(database)
    return Object.values(rows[0] ?? {})[0] ?? 0
  }
  const pageSize = await read('page_size')
  for (let before = Number.POSITIVE_INFINITY; ; await setImmediate()) {
    const pages = await read('page_count')
    const unused = await read('freelist_count')
    storage.shrunk(pages * pageSize, unused * pageSize)
    const kept = storage.isFull ? 0 : Math.max(MIN_UNUSED_PAGES, MAX_UNUSED_SHARE * pages)
    // A file of an earlier version does not shrink.
    if (unused <= kept || unused >= before) break
    before = unused
    await sql
      .raw(`pragma incremental_vacuum(${Math.min(MAX_PAGES_PER_STEP, unused - Math.floor(kept))})`)
      .execute(database)
  }
  await sql`pragma wal_checkpoint(truncate)`.execute(database)
  storage.shrunk((await read('page_count')) * pageSize, (await read('freelist_count')) * pageSize)
}
