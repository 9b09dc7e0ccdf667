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

/** How long statements wait for a lock of another process. */
const LOCK_TIMEOUT_MS = 5000

const LOCK_RETRY_INTERVAL_MS = 20

/**
 * Kysely's dialect for SQLite, with migrations in transactions and statements that wait for a lock of another process
 * without blocking the event loop.
 */
export class StoreDialect extends SqliteDialect {
  readonly #database: SqliteDatabase
  readonly #lockTimeoutMs: number

  constructor(database: SqliteDatabase, lockTimeoutMs: number = LOCK_TIMEOUT_MS) {
    super({ database })
    this.#database = database
    this.#lockTimeoutMs = lockTimeoutMs
  }

  override createDriver(): Driver {
    return new WaitingDriver(this.#database, this.#lockTimeoutMs)
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

class WaitingDriver extends SqliteDriver {
  readonly #wait: LockWait

  constructor(database: SqliteDatabase, lockTimeoutMs: number) {
    super({ database })
    this.#wait = createLockWait(lockTimeoutMs)
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection()
    return {
      executeQuery: (query) => this.#wait(() => connection.executeQuery(query)),
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
    }
  }

  /** Takes the lock for writing at once: a transaction that waited for it later would have read outdated rows. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
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
