import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import { nodeSqlite } from './node-sqlite.ts'
import { StoreDialect } from './sqlite-dialect.ts'
import { createStorage } from './storage.ts'

function openBoth(lockTimeoutMs: number) {
  const folder = mkdtempSync(join(tmpdir(), 'rca-api-'))
  const path = join(folder, 'rca.sqlite')
  const other = new DatabaseSync(path)
  other.exec('pragma journal_mode = wal; create table numbers (number integer)')
  const database = new Kysely<{ numbers: { number: number } }>({
    dialect: new StoreDialect(nodeSqlite(new DatabaseSync(path)), createStorage(path), lockTimeoutMs),
  })
  onTestFinished(async () => {
    await database.destroy()
    other.close()
    rmSync(folder, { recursive: true })
  })
  const add = (number: number) =>
    database.transaction().execute((transaction) => transaction.insertInto('numbers').values({ number }).execute())
  return { other, database, add }
}

describe('a lock of another process', () => {
  test('delays writers until it is released, in their order', async () => {
    const { other, database, add } = openBoth(1e9)
    other.exec('begin immediate')
    const writers = [add(1), add(2), database.insertInto('numbers').values({ number: 3 }).execute()]
    // Timers run while the writers wait.
    await new Promise((resolve) => setTimeout(resolve, 30))
    other.exec('commit')
    await Promise.all(writers)
    expect(await database.selectFrom('numbers').select('number').execute()).toEqual([
      { number: 1 },
      { number: 2 },
      { number: 3 },
    ])
  })

  test('fails all waiting writers after one timeout, and none afterwards', async () => {
    const { other, database, add } = openBoth(100)
    other.exec('begin immediate')
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, number) => add(number)))
    expect(new Set(outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason)))).toEqual(
      new Set(['Error: database is locked']),
    )
    other.exec('rollback')
    await add(1)
    const { rows } = await sql<{ count: number }>`select count(*) as count from numbers`.execute(database)
    expect(rows).toEqual([{ count: 1 }])
  })
})
