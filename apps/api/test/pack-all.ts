import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { nodeSqlite } from '../src/store/sqlite/node-sqlite.ts'
import { createPointPacker } from '../src/store/sqlite/point-packing.ts'
import { StoreDialect } from '../src/store/sqlite/sqlite-dialect.ts'
import { createStorage } from '../src/store/sqlite/storage.ts'
import type { Tables } from '../src/store/sqlite/tables.ts'

/**
 * Packs the points of a database in windows that ended an hour before a time, by default all, except for the newest one
 * of each series. Returns their number.
 */
export async function packAll(path: string, newest: number = Number.POSITIVE_INFINITY): Promise<number> {
  const file = new DatabaseSync(path, { timeout: 5000 })
  const database = new Kysely<Tables>({ dialect: new StoreDialect(nodeSqlite(file), createStorage(path)) })
  try {
    return await createPointPacker(database)(newest, new AbortController().signal)
  } finally {
    await database.destroy()
    if (file.isOpen) file.close()
  }
}
