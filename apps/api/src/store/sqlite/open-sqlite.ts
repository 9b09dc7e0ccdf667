import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { nodeSqlite } from './node-sqlite.ts'
import type { Tables } from './tables.ts'

/**
 * Opens a SQLite file by its absolute path, or `:memory:`. Creates a missing file and its folder; only its owner can
 * read it. Every commit is synced to disk (`synchronous = full`), so that a report answered with 202 survives a power
 * failure.
 *
 * @throws {Error} when the file cannot be opened.
 */
export function openSqlite(path: string): Kysely<Tables> {
  try {
    return new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(openFile(path)) }) })
  } catch (error) {
    throw new Error(
      `The database \`${path}\` could not be opened (${(error as Error).message}). Check \`DATABASE_URL\` and the permissions of its folder.`,
      { cause: error },
    )
  }
}

function openFile(path: string): DatabaseSync {
  if (path !== ':memory:') {
    createFolder(dirname(path))
    closeSync(openSync(path, 'a', 0o600))
  }
  const database = new DatabaseSync(path, { timeout: 5000 })
  database.exec(
    'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -65536',
  )
  return database
}

/** Creates one level only: `recursive` never returns for a folder below `/proc` (Node 26.10). */
function createFolder(path: string): void {
  if (!existsSync(path)) mkdirSync(path)
}
