import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { nodeSqlite } from './node-sqlite.ts'

describe('nodeSqlite', () => {
  test('reports a full disk, although SQLite has rolled back the transaction itself', async () => {
    const file = new DatabaseSync(':memory:')
    file.exec('create table filled (text text); pragma max_page_count = 10')
    const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: nodeSqlite(file) }) })
    const fill = (length: number) =>
      database
        .transaction()
        .execute((transaction) => sql`insert into filled values (${'x'.repeat(length)})`.execute(transaction))
    await expect(fill(1_000_000)).rejects.toThrow('database or disk is full')
    await fill(10)
    expect(file.prepare('select count(*) as count from filled').get()?.count).toBe(1)
    await database.destroy()
  })
})
