import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'

const MAX_PREPARED_STATEMENTS = 200

/** Adapts Node's SQLite to kysely's dialect for better-sqlite3. Caches statements, so that each is parsed once. */
export function nodeSqlite(database: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>()
  return {
    close: () => {
      prepared.clear()
      if (database.isOpen) database.close()
    },
    prepare: (sql) => {
      const known = prepared.get(sql)
      const statement = known ?? (sql === 'rollback' ? rollback(database) : adapt(database.prepare(sql), sql))
      // Deleting and setting a key moves it to the end: the first key is the least recently used.
      prepared.delete(sql)
      prepared.set(sql, statement)
      if (prepared.size > MAX_PREPARED_STATEMENTS) prepared.delete(prepared.keys().next().value ?? '')
      return statement
    },
  }
}

/** SQLite rolls back a transaction that fills the disk. A second rollback would fail and hide the cause. */
function rollback(database: DatabaseSync): SqliteStatement {
  const statement = adapt(database.prepare('rollback'), 'rollback')
  return {
    ...statement,
    run: (parameters) => (database.isTransaction ? statement.run(parameters) : { changes: 0, lastInsertRowid: 0 }),
  }
}

function adapt(statement: StatementSync, sql: string): SqliteStatement {
  return {
    // `run` takes one step of a statement without columns. This pragma releases one page in each.
    reader: statement.columns().length > 0 || sql.startsWith('pragma incremental_vacuum'),
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
  }
}
