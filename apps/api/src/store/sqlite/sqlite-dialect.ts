import { setTimeout } from 'node:timers/promises'
import {
  CompiledQuery,
  type DatabaseConnection,
  type DialectAdapter,
  type Driver,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
} from 'kysely'
import { isLocked } from './sqlite-errors.ts'
import type { Storage } from './storage.ts'

/** How long statements wait for a lock of another process. */
const LOCK_TIMEOUT_MS = 5000

const LOCK_RETRY_INTERVAL_MS = 20

/**
 * Kysely's dialect for SQLite, with migrations in transactions and statements that wait for a lock of another process
 * without blocking the event loop. Transactions fail when the files are not those that were opened: a commit to a
 * deleted file is not acknowledged.
 */
export class StoreDialect extends SqliteDialect {
  readonly #database: SqliteDatabase
  readonly #storage: Storage
  readonly #lockTimeoutMs: number

  constructor(database: SqliteDatabase, storage: Storage, lockTimeoutMs: number = LOCK_TIMEOUT_MS) {
    super({ database })
    this.#database = database
    this.#storage = storage
    this.#lockTimeoutMs = lockTimeoutMs
  }

  override createDriver(): Driver {
    return new StoreDriver(this.#database, this.#storage, this.#lockTimeoutMs)
  }

  override createAdapter(): DialectAdapter {
    return new TransactionalAdapter()
  }
}

/** SQLite rolls back changes of the schema like any other, which kysely's own adapter does not use. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class StoreDriver extends SqliteDriver {
  readonly #wait: LockWait
  readonly #storage: Storage

  constructor(database: SqliteDatabase, storage: Storage, lockTimeoutMs: number) {
    super({ database })
    this.#storage = storage
    this.#wait = createLockWait(lockTimeoutMs)
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection()
    return {
      executeQuery: async (query) => {
        try {
          return await this.#wait(() => connection.executeQuery(query))
        } catch (error) {
          throw this.#storage.failed(error)
        }
      },
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
    }
  }

  /** Takes the lock for writing at once: a transaction that waited for it later would have read outdated rows. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    this.#storage.check()
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await super.commitTransaction(connection)
    this.#storage.committed()
  }
}

type LockWait = <Result>(run: () => Promise<Result>) => Promise<Result>

/**
 * Creates a function that runs a statement, again while another process holds a lock. All statements share one
 * timeout, so that those queued behind the first do not wait for it once more each.
 */
function createLockWait(timeoutMs: number): LockWait {
  let lockedSince = 0
  let lockedAt = Number.NEGATIVE_INFINITY
  return async (run) => {
    for (;;) {
      try {
        const result = await run()
        lockedAt = Number.NEGATIVE_INFINITY
        return result
      } catch (error) {
        if (!isLocked(error)) throw error
        const now = performance.now()
        if (now - lockedAt > timeoutMs) lockedSince = now
        lockedAt = now
        if (now - lockedSince >= timeoutMs) throw error
        await setTimeout(LOCK_RETRY_INTERVAL_MS)
      }
    }
  }
}
