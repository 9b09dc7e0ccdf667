import { setImmediate, setTimeout } from 'node:timers/promises'
import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import { createPause, type Pause } from './write-parts.ts'

/** Rows after which a group is committed, about 50 ms of work. A larger write is a group of its own. */
const MAX_GROUP_ROWS = 5000

/** Writes of one group: an empty report writes few rows, but changes its agent. */
const MAX_GROUP_WRITES = 100

/** Time between the beginnings of two groups. A write after a longer time is committed at once. */
const GROUP_INTERVAL_MS = 50

/** Writes the rows of one request. Calls `pause` between parts that block the event loop. */
export type Write<Result> = (transaction: Transaction<Tables>, pause: Pause) => Promise<Result>

/** Commits the writes of concurrent requests together: syncing a commit takes longer than writing a report. */
export interface GroupCommit {
  /**
   * Writes in the order of the calls. Resolves when the write is committed and synced.
   *
   * @param rows number of rows, approximately.
   * @throws the error of `write`, which undoes this write alone, or of the commit, which undoes its whole group.
   */
  run<Result>(rows: number, write: Write<Result>): Promise<Result>
}

/** A write and what follows it. */
interface Pending {
  readonly rows: number
  /** Writes, and returns a function that reports success after the commit. */
  readonly write: (transaction: Transaction<Tables>, pause: Pause) => Promise<() => void>
  readonly reject: (error: unknown) => void
}

/** @param intervalMs time between the beginnings of two groups; 0 for a database that is not synced. */
export function createGroupCommit(database: Kysely<Tables>, intervalMs: number = GROUP_INTERVAL_MS): GroupCommit {
  const queue: Pending[] = []
  let isWriting = false
  let nextAt = 0

  const writeAll = async (): Promise<void> => {
    while (queue.length > 0) {
      const early = nextAt - performance.now()
      if (early > 0) await setTimeout(early)
      nextAt = performance.now() + intervalMs
      await writeGroup(database, queue)
    }
    isWriting = false
  }
  return {
    run: (rows, write) =>
      new Promise((resolve, reject) => {
        queue.push({
          rows,
          write: async (transaction, pause) => {
            const result = await write(transaction, pause)
            return () => resolve(result)
          },
          reject,
        })
        if (isWriting) return
        isWriting = true
        void writeAll()
      }),
  }
}

/** Commits the first writes of a queue together, with those that are added meanwhile. */
async function writeGroup(database: Kysely<Tables>, queue: Pending[]): Promise<void> {
  const taken: Pending[] = []
  /** Report the outcome of each write that is taken. */
  const outcomes: (() => void)[] = []
  try {
    await database.transaction().execute(async (transaction) => {
      const pause = createPause()
      let rows = 0
      for (let pending = queue[0]; pending !== undefined; pending = queue[0]) {
        rows += pending.rows
        if (taken.length > 0 && (rows > MAX_GROUP_ROWS || taken.length === MAX_GROUP_WRITES)) return
        queue.shift()
        taken.push(pending)
        try {
          await transaction.executeQuery(SAVEPOINT)
          const succeed = await pending.write(transaction, pause)
          await transaction.executeQuery(RELEASE)
          outcomes.push(succeed)
        } catch (error) {
          if (!(await isUndone(transaction))) throw error
          outcomes.push(() => pending.reject(error))
        }
        await pause()
      }
    })
  } catch (error) {
    // Nothing is taken if the transaction could not begin.
    for (const { reject } of taken.length > 0 ? taken : queue.splice(0, 1)) reject(error)
    // The requests give back what they used before the next group begins.
    await setImmediate()
    return
  }
  for (const report of outcomes) report()
}

const SAVEPOINT = CompiledQuery.raw('savepoint one')
const ROLL_BACK = CompiledQuery.raw('rollback to one')
const RELEASE = CompiledQuery.raw('release one')

/** Undoes the last write. Returns false if SQLite has rolled back the whole transaction, as on a full disk. */
async function isUndone(transaction: Transaction<Tables>): Promise<boolean> {
  try {
    await transaction.executeQuery(ROLL_BACK)
    await transaction.executeQuery(RELEASE)
    return true
  } catch {
    return false
  }
}
