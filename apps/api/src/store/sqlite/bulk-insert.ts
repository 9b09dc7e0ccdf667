import { setImmediate } from 'node:timers/promises'
import type { CompiledQuery, Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/** Rows per statement, largest first. Remaining rows use the next smaller size. */
const BATCH_SIZES = [128, 16, 1]

/**
 * Rows after which the writer yields to the event loop, since SQLite runs on the same thread. A multiple of the
 * largest batch.
 */
const YIELD_INTERVAL_ROWS = 2048

/** Writes many rows with few statements, each compiled once. */
export type BulkInsert<Row> = (transaction: Transaction<Tables>, rows: readonly Row[]) => Promise<void>

/**
 * Creates a writer of rows. `compile` builds the statement for a number of rows; it receives placeholders for their
 * values.
 */
export function bulkInsert<Row extends object>(
  columns: readonly (keyof Row & string)[],
  compile: (transaction: Transaction<Tables>, rows: readonly Row[]) => CompiledQuery,
): BulkInsert<Row> {
  const statements = new Map<number, CompiledQuery>()
  const placeholder = Object.fromEntries(columns.map((column) => [column, null])) as Row

  const statementFor = (transaction: Transaction<Tables>, size: number): CompiledQuery => {
    const statement =
      statements.get(size) ??
      compile(
        transaction,
        Array.from({ length: size }, () => placeholder),
      )
    statements.set(size, statement)
    return statement
  }

  return async (transaction, rows) => {
    let start = 0
    for (const size of BATCH_SIZES) {
      for (; rows.length - start >= size; start += size) {
        const parameters: unknown[] = []
        for (let index = start; index < start + size; index += 1)
          for (const column of columns) parameters.push(rows[index]?.[column])
        await transaction.executeQuery({ ...statementFor(transaction, size), parameters })
        if (start % YIELD_INTERVAL_ROWS === 0 && start > 0) await setImmediate()
      }
    }
  }
}
