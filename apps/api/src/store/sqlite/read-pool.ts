import { extname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import {
  type DatabaseConnection,
  type Driver,
  Kysely,
  SqliteAdapter,
  type SqliteDialect,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { ReadSession } from '../read-session.ts'
import type { PointQuery } from '../store.ts'
import type { ScanState, ScanStep } from './point-scan.ts'
import { createReadJobs, type ReadJob, type ReadResult } from './read-jobs.ts'
import type { ReadAnswer } from './read-worker.ts'
import type { Storage } from './storage.ts'
import type { Tables } from './tables.ts'

/** Runs questions in threads of their own, which share nothing with the thread of requests and reports. */
export interface ReadPool {
  /** Returns the database for one question. Its statements run in the threads, one after the other. */
  database(session: ReadSession): Kysely<Tables>
  /** Reads the next points of a query. */
  scanPoints(query: PointQuery, state: ScanState | undefined, session: ReadSession): Promise<ScanStep>
  /** Ends the threads. Idempotent. */
  close(): Promise<void>
}

/** Megabytes of short-lived objects in a thread: the rows of a step, and garbage. Node allows several times as much. */
const MAX_YOUNG_GENERATION_MB = 16

/** Runs one step of a question. */
type RunJob = (job: ReadJob, signal: AbortSignal) => Promise<ReadResult>

/**
 * Creates a pool of threads, which start with the first questions. The steps of all questions take turns. A step is one
 * statement, or a part of a scan of points: a short question waits for the end of a step, never for that of a long
 * scan. A question ends between two steps, since `node:sqlite` cannot interrupt a statement.
 *
 * @param path absolute path of the database.
 */
export function createReadPool(path: string, size: number, storage: Storage): ReadPool {
  const threads: Thread[] = []
  const waiting = new Set<Waiting>()
  let isClosed = false

  const startNext = (): void => {
    const [next] = waiting
    if (next === undefined || isClosed) return
    let thread = threads.find(({ isBusy }) => !isBusy)
    if (thread === undefined && threads.length < size) {
      thread = startThread(path, (ended) => {
        threads.splice(threads.indexOf(ended), 1)
        startNext()
      })
      threads.push(thread)
    }
    if (thread === undefined) return
    waiting.delete(next)
    next.start(thread.run(next.job).finally(startNext))
  }

  const run: RunJob = async (job, signal) => {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const end = (): void => {
        waiting.delete(entry)
        reject(signal.reason)
      }
      const entry: Waiting = {
        job,
        start: (result) => {
          result.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
        },
      }
      signal.addEventListener('abort', end, { once: true })
      waiting.add(entry)
      startNext()
    })
  }

  return createPool(run, storage, async () => {
    isClosed = true
    await Promise.all(threads.map((thread) => thread.close()))
  })
}

interface Waiting {
  readonly job: ReadJob
  start(result: Promise<ReadResult>): void
}

/** Runs questions on the connection of this thread. Other work is served between two steps. */
export function createReadsInThread(file: DatabaseSync, storage: Storage): ReadPool {
  const runJob = createReadJobs(file)
  const run: RunJob = async (job, signal) => {
    await setImmediate()
    signal.throwIfAborted()
    return runJob(job)
  }
  return createPool(run, storage, async () => undefined)
}

function createPool(runJob: RunJob, storage: Storage, close: () => Promise<void>): ReadPool {
  const run: RunJob = async (job, signal) => {
    try {
      return await runJob(job, signal)
    } catch (error) {
      throw storage.failed(error)
    }
  }
  return {
    database: ({ signal }) => new Kysely<Tables>({ dialect: createReadDialect((job) => run(job, signal)) }),
    scanPoints: async (query, state, { signal }) => (await run({ kind: 'points', query, state }, signal)) as ScanStep,
    close,
  }
}

interface Thread {
  readonly isBusy: boolean
  /** Runs a step. The thread is busy until then. */
  run(job: ReadJob): Promise<ReadResult>
  close(): Promise<void>
}

function startThread(path: string, onEnd: (thread: Thread) => void): Thread {
  const worker = new Worker(new URL(`./read-worker${extname(import.meta.url)}`, import.meta.url), {
    workerData: path,
    resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
  })
  let pending: PromiseWithResolvers<ReadResult> | undefined
  let failure: Error | undefined
  const settle = (apply: (promise: PromiseWithResolvers<ReadResult>) => void): void => {
    const settled = pending
    pending = undefined
    // An idle thread does not keep the process alive.
    worker.unref()
    if (settled !== undefined) apply(settled)
  }
  const thread: Thread = {
    get isBusy() {
      return pending !== undefined
    },
    run: (job) => {
      pending = Promise.withResolvers()
      worker.ref()
      worker.postMessage(job)
      return pending.promise
    },
    close: async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      worker.once('exit', () => resolve())
      worker.ref()
      worker.postMessage('close')
      await promise
    },
  }
  worker.on('message', (answer: ReadAnswer) =>
    settle(({ resolve, reject }) => ('result' in answer ? resolve(answer.result) : reject(toError(answer.failure)))),
  )
  worker.on('error', (error) => {
    failure = error as Error
  })
  worker.on('exit', () => {
    settle(({ reject }) => reject(failure ?? new Error('The thread that reads has ended.')))
    onEnd(thread)
  })
  return thread
}

function toError({ message, ...codes }: Extract<ReadAnswer, { failure: unknown }>['failure']): Error {
  return Object.assign(new Error(message), codes)
}

type Dialect = Pick<SqliteDialect, 'createAdapter' | 'createDriver' | 'createIntrospector' | 'createQueryCompiler'>

/** Kysely's dialect for SQLite, with statements that run elsewhere. */
function createReadDialect(run: (job: ReadJob) => Promise<ReadResult>): Dialect {
  const connection: DatabaseConnection = {
    executeQuery: async <Row>({ sql, parameters }: { sql: string; parameters: readonly unknown[] }) => ({
      rows: (await run({ kind: 'statement', sql, parameters })) as Row[],
    }),
    streamQuery: () => {
      throw new Error('Questions are read in pages.')
    },
  }
  const refuse = async (): Promise<never> => {
    throw new Error('Questions have no transactions.')
  }
  const driver: Driver = {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}
