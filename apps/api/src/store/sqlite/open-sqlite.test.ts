import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openSqlite } from './open-sqlite.ts'

const MEBIBYTE = 2 ** 20

test('the write-ahead log that grows while another process reads is given back when that has ended', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-sqlite-'))
  const path = join(folder, 'rca.sqlite')
  const { writer, storage, close } = openSqlite(path)
  onTestFinished(async () => {
    await close()
    rmSync(folder, { recursive: true })
  })
  const write = (mebibytes: number) => sql`insert into data values (zeroblob(${mebibytes * MEBIBYTE}))`.execute(writer)
  await sql`create table data (content blob)`.execute(writer)

  const other = new DatabaseSync(path, { readOnly: true })
  other.exec('begin; select * from data')
  for (let count = 0; count < 7; count += 1) await write(10)
  const { walBytes } = storage.sizes()
  expect(walBytes).toBeGreaterThan(70 * MEBIBYTE)
  expect(walBytes).toBe(statSync(`${path}-wal`).size)

  other.close()
  // The first write moves the log into the database, and the second begins it again.
  for (let count = 0; count < 2; count += 1) await write(1)
  expect(storage.sizes().walBytes).toBeLessThanOrEqual(64 * MEBIBYTE)
})
