import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { checkOwner, ForeignDatabaseError } from './migrations.ts'
import { nodeSqlite } from './node-sqlite.ts'
import { DatabaseInUseError, lockDatabase } from './process-lock.ts'
import { StoreDialect } from './sqlite-dialect.ts'
import type { Tables } from './tables.ts'

/** The connections of one process to a database. */
export interface Connections {
  readonly writer: Kysely<Tables>
  /** Reads what is committed, without waiting for the writer. */
  readonly reader: Kysely<Tables>
  close(): Promise<void>
}

/**
 * Opens a SQLite file by its absolute path, or `:memory:`. Creates a missing file and its folder; only its owner can
 * read it. Every commit is synced to disk (`synchronous = full`), so that a report answered with 202 survives a power
 * failure.
 *
 * @throws {Error} when the file cannot be opened, belongs to another program, or is in use by another process.
 */
export function openSqlite(path: string): Connections {
  const closers: (() => void)[] = []
  const closeFiles = (): void => {
    for (const close of closers.splice(0).toReversed()) close()
  }
  const open = (readOnly: boolean): DatabaseSync => {
    const file = new DatabaseSync(path, { readOnly })
    closers.push(() => file.isOpen && file.close())
    return file
  }
  try {
    if (path !== ':memory:') createFile(path)
    const file = open(false)
    checkOwner(file)
    if (path !== ':memory:') closers.unshift(lockDatabase(realpathSync(path)))
    file.exec(
      'pragma auto_vacuum = incremental; pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -65536',
    )
    const writer = connect(file)
    if (path === ':memory:') return { writer, reader: writer, close: () => writer.destroy().then(closeFiles) }
    const readable = open(true)
    readable.exec('pragma temp_store = memory; pragma cache_size = -65536')
    const reader = connect(readable)
    return {
      writer,
      reader,
      close: async () => {
        await reader.destroy()
        // Kysely does not close a connection without statements. The last one moves the write-ahead log into the file.
        if (readable.isOpen) readable.close()
        await writer.destroy()
        closeFiles()
      },
    }
  } catch (error) {
    closeFiles()
    throw new Error(`The database \`${path}\` could not be opened (${(error as Error).message}). ${remedyFor(error)}`, {
      cause: error,
    })
  }
}

function connect(file: DatabaseSync): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new StoreDialect(nodeSqlite(file)) })
}

function remedyFor(error: unknown): string {
  if (error instanceof ForeignDatabaseError) return 'Set `DATABASE_URL` to another path.'
  if (error instanceof DatabaseInUseError) return 'Stop that process, or set `DATABASE_URL` to another path.'
  return 'Check `DATABASE_URL` and the permissions of its folder.'
}

/** Leaves an existing file as it is: closing a file in any way releases the locks that its process has on it. */
function createFile(path: string): void {
  if (existsSync(path)) return
  createFolder(dirname(path))
  closeSync(openSync(path, 'a', 0o600))
}

/** Creates one level only: `recursive` never returns for a folder below `/proc` (Node 26.10). */
function createFolder(path: string): void {
  if (!existsSync(path)) mkdirSync(path)
}
