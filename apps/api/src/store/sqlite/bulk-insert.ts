import { setImmediate } from 'node:timers/promises'
import type { CompiledQuery, Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/** Rows in one statement, largest first. What remains goes with the next smaller. */
const SIZES = [128, 16, 1]

/** Rows after which other requests get their turn: SQLite works on the thread that also answers them. A multiple of the largest size. */
const BREATH = 2048

/** Writes many rows with few statements, each compiled once. */
export type BulkInsert<Row> = (transaction: Transaction<Tables>, rows: readonly Row[]) => Promise<void>

/**
 * A writer of rows. `compile` builds the statement for as many rows as it is given; the values that it sees are placeholders.
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
    for (const size of SIZES) {
      for (; rows.length - start >= size; start += size) {
        const parameters: unknown[] = []
        for (let index = start; index < start + size; index += 1)
          for (const column of columns) parameters.push(rows[index]?.[column])
        await transaction.executeQuery({ ...statementFor(transaction, size), parameters })
        if (start % BREATH === 0 && start > 0) await setImmediate()
      }
    }
  }
}
