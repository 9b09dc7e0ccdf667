import { setImmediate } from 'node:timers/promises'
import type { CompiledQuery, Insertable, InsertQueryBuilder, InsertResult, Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/** Rows per statement, largest first. Remaining rows use the next smaller size. */
const BATCH_SIZES = [128, 16, 1]

/** Rows after which the writer yields to the event loop, which SQLite blocks. A multiple of the largest batch. */
const YIELD_INTERVAL_ROWS = 2048

type OnConflict<Table extends keyof Tables> = Parameters<
  InsertQueryBuilder<Tables, Table, InsertResult>['onConflict']
>[0]

/** Creates a function that inserts many rows with few statements, each compiled once. */
export function bulkInsert<Table extends keyof Tables>(
  table: Table,
  columns: readonly (keyof Insertable<Tables[Table]>)[],
  onConflict: OnConflict<Table>,
) {
  type Row = Insertable<Tables[Table]>
  const statements = new Map<number, CompiledQuery>()
  const placeholder = Object.fromEntries(columns.map((column) => [column, null])) as Row

  const statementFor = (transaction: Transaction<Tables>, size: number): CompiledQuery => {
    const known = statements.get(size)
    if (known !== undefined) return known
    const rows = Array.from({ length: size }, () => placeholder)
    const statement = transaction.insertInto(table).values(rows).onConflict(onConflict).compile()
    statements.set(size, statement)
    return statement
  }

  return async (transaction: Transaction<Tables>, rows: readonly Row[]): Promise<void> => {
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
