import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { createReadJobs, type ReadJob, type ReadResult } from './read-jobs.ts'

/** Time for a lock of another process to end. */
const LOCK_TIMEOUT_MS = 5000

/** A step that failed. Structured clones of errors lose the codes of SQLite. */
export interface ReadFailure {
  readonly message: string
  readonly code: unknown
  readonly errcode: unknown
}

/** Answer of the thread to each job. */
export type ReadAnswer = { readonly result: ReadResult } | { readonly failure: ReadFailure }

const file = new DatabaseSync(String(workerData), { readOnly: true, timeout: LOCK_TIMEOUT_MS })
file.exec('pragma temp_store = memory; pragma cache_size = -32768')
const run = createReadJobs(file)

parentPort?.on('message', (job: ReadJob | 'close') => {
  if (job === 'close') {
    file.close()
    parentPort?.close()
  } else answer(job)
})

function answer(job: ReadJob): void {
  try {
    const result = run(job)
    const buffers = 'buckets' in result ? result.buckets.flatMap(({ at, values }) => [at.buffer, values.buffer]) : []
    parentPort?.postMessage({ result } satisfies ReadAnswer, buffers as ArrayBuffer[])
  } catch (error) {
    const { message, code, errcode } = error as Error & Partial<ReadFailure>
    parentPort?.postMessage({ failure: { message, code, errcode } } satisfies ReadAnswer)
  }
}
