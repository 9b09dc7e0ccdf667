import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { checkOwner, ForeignDatabaseError } from './migrations.ts'
import { nodeSqlite } from './node-sqlite.ts'
import { DatabaseInUseError, lockDatabase } from './process-lock.ts'
import { createReadPool, createReadsInThread, type ReadPool } from './read-pool.ts'
import { StoreDialect } from './sqlite-dialect.ts'
import { createStorage, type Storage } from './storage.ts'
import type { Tables } from './tables.ts'

/** The write-ahead log is cut to this size when it is empty. */
const MAX_EMPTY_WAL_BYTES = 64 * 1024 * 1024

/** Size up to which a file of an earlier version is rewritten when it is opened, in less than a second. */
const MAX_VACUUM_BYTES = 64 * 1024 * 1024

/** The connections of one process to a database. */
export interface Connections {
  readonly writer: Kysely<Tables>
  /** Reads what is committed, without waiting for the writer. For rows that are found by a key. */
  readonly reader: Kysely<Tables>
  /** Answers questions. */
  readonly pool: ReadPool
  readonly storage: Storage
  close(): Promise<void>
}

/**
 * Opens a SQLite file by its absolute path, or `:memory:`. Creates a missing file and its folder; only its owner can
 * read it. Every commit is synced to disk (`synchronous = full`), so that a report answered with 202 survives a power
 * failure.
 *
 * @param readThreads threads that answer questions. With 0, and in memory, this thread does.
 * @throws {Error} when the file cannot be opened, belongs to another program, or is in use by another process.
 */
export function openSqlite(path: string, readThreads = 0): Connections {
  const storage = createStorage(path === ':memory:' ? path : realPath(path))
  try {
    try {
      return openConnections(path, storage, readThreads)
    } catch (error) {
      // SQLite needs some space to open a database.
      if (!storage.releaseReserve()) throw error
      return openConnections(path, storage, readThreads)
    }
  } catch (error) {
    throw new Error(
      `The database \`${path}\` could not be opened (${(error as Error).message}). ${remedyFor(error, storage)}`,
      { cause: error },
    )
  }
}

function openConnections(path: string, storage: Storage, readThreads: number): Connections {
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
    if (path !== ':memory:') closers.unshift(lockDatabase(realPath(path)))
    file.exec(PRAGMAS)
    const writer = connect(file, storage)
    if (path === ':memory:') {
      const pool = createReadsInThread(file, storage)
      return { writer, reader: writer, pool, storage, close: () => writer.destroy().then(closeFiles) }
    }
    makeShrinkable(file)
    const readable = open(true)
    readable.exec('pragma temp_store = memory; pragma cache_size = -65536')
    const reader = connect(readable, storage)
    const pool = readThreads === 0 ? createReadsInThread(readable, storage) : createReadPool(path, readThreads, storage)
    return {
      writer,
      reader,
      pool,
      storage,
      close: async () => {
        await pool.close()
        await reader.destroy()
        // Kysely does not close a connection without statements. The last one moves the write-ahead log into the file.
        if (readable.isOpen) readable.close()
        await writer.destroy()
        closeFiles()
      },
    }
  } catch (error) {
    closeFiles()
    throw error
  }
}

/** Settings of the connection that writes. */
const PRAGMAS = [
  'auto_vacuum = incremental',
  'journal_mode = wal',
  'synchronous = full',
  'foreign_keys = on',
  'temp_store = memory',
  'cache_size = -65536',
  `journal_size_limit = ${MAX_EMPTY_WAL_BYTES}`,
]
  .map((pragma) => `pragma ${pragma};`)
  .join(' ')

function connect(file: DatabaseSync, storage: Storage): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new StoreDialect(nodeSqlite(file), storage) })
}

/** Lets a file of an earlier version shrink. A large one is left as it is: see `rca-api backup` in the README. */
function makeShrinkable(file: DatabaseSync): void {
  const read = (name: string): number => Number(Object.values(file.prepare(`pragma ${name}`).get() ?? {})[0])
  if (read('auto_vacuum') !== 0 || read('page_count') * read('page_size') > MAX_VACUUM_BYTES) return
  try {
    file.exec('pragma auto_vacuum = incremental; vacuum')
  } catch {
    // The disk has no space for a copy, or another process reads the file.
  }
}

function remedyFor(error: unknown, storage: Storage): string {
  if (storage.isFull) return 'The disk is full: make some space.'
  if (error instanceof ForeignDatabaseError) return 'Set `DATABASE_URL` to another path.'
  if (error instanceof DatabaseInUseError) return 'Stop that process, or set `DATABASE_URL` to another path.'
  return 'Check `DATABASE_URL` and the permissions of its folder.'
}

/** Resolves links, as SQLite does for the names of its other files. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
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
