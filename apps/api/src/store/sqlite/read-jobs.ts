import type { DatabaseSync } from 'node:sqlite'
import type { PointQuery } from '../store.ts'
import { nodeSqlite } from './node-sqlite.ts'
import { createPointScanner, type ScanState, type ScanStep } from './point-scan.ts'

/** One step of a question: a statement, or a part of a scan of points. */
export type ReadJob =
  | { readonly kind: 'statement'; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly kind: 'points'; readonly query: PointQuery; readonly state: ScanState | undefined }

/** Rows of a statement, or a step of a scan. */
export type ReadResult = readonly unknown[] | ScanStep

/** Creates a function that runs steps of questions on a connection. */
export function createReadJobs(file: DatabaseSync): (job: ReadJob) => ReadResult {
  const statements = nodeSqlite(file)
  let scan: ReturnType<typeof createPointScanner> | undefined
  return (job) => {
    if (job.kind === 'statement') return statements.prepare(job.sql).all(job.parameters)
    scan ??= createPointScanner(file)
    return scan(job.query, job.state)
  }
}
