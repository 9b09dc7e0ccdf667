import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { backUpDatabase, checkDatabase, restoreDatabase } from './maintenance.ts'
import { openStore } from './open-store.ts'

async function createDatabase() {
  const folder = mkdtempSync(join(tmpdir(), 'rca-api-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'rca.sqlite')
  const store = await openStore(`sqlite:${path}`)
  onTestFinished(store.close)
  const token = (hash: string) => ({ environment: hash, agent_type: 'docker', hash, created_at: 1 })
  const add = (name: string) =>
    store.access.provision(
      { ...token(name), joinable_until: null, max_agents: null },
      { config: {}, withheld: [], limits: { ttlMs: null, uses: null } },
    )
  await add('first')
  return { path, backup: join(folder, 'backup.sqlite'), store, add }
}

function environmentsOf(path: string): unknown[] {
  const database = new DatabaseSync(path, { readOnly: true })
  const rows = database.prepare('select name from environments order by name').all()
  database.close()
  return rows.map(({ name }) => name)
}

/** Overwrites the page of a table with garbage. */
function damage(path: string, table: string): void {
  const database = new DatabaseSync(path)
  const { rootpage } = database.prepare('select rootpage from sqlite_schema where name = ?').get(table) ?? {}
  database.close()
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, (Number(rootpage) - 1) * 4096)
  closeSync(file)
}

test('a store moves the log of a killed API into its database', async () => {
  const { path, backup, add } = await createDatabase()
  await add('second')
  for (const suffix of ['', '-wal']) writeFileSync(backup + suffix, readFileSync(path + suffix))
  expect(statSync(`${backup}-wal`).size).toBeGreaterThan(0)
  const store = await openStore(`sqlite:${backup}`)
  expect(store.sizes().walBytes).toBe(0)
  await store.close()
  expect(environmentsOf(backup)).toEqual(['first', 'second'])
})

describe('a backup', () => {
  test('has the state of one moment while the store is open, and replaces a later one', async () => {
    const { path, backup, store, add } = await createDatabase()
    expect(backUpDatabase(path, backup)).toBe(statSync(backup).size)
    expect(statSync(backup).mode & 0o777).toBe(0o600)
    await add('second')
    expect(environmentsOf(backup)).toEqual(['first'])
    expect(() => backUpDatabase(path, backup)).toThrow(/backup\.sqlite` exists/)
    expect(() => restoreDatabase(path, backup)).toThrow(/in use by process \d+.*Stop the API first/)
    await store.close()
    expect(restoreDatabase(path, backup)).toBe(`${path}-replaced`)
    expect(environmentsOf(`${path}-replaced`)).toEqual(['first', 'second'])
    const restored = await openStore(`sqlite:${path}`)
    expect((await restored.access.environments({ limit: 10 })).items).toMatchObject([{ name: 'first' }])
    await restored.close()
    expect(checkDatabase(path)).toEqual([])
  })

  test('contains the log of a killed API, which a restored database does not', async () => {
    const { path, backup, add } = await createDatabase()
    // The files of this moment are those that a killed API leaves.
    const killed = `${backup}-killed`
    await add('second')
    for (const suffix of ['', '-wal']) writeFileSync(killed + suffix, readFileSync(path + suffix))
    expect(statSync(`${killed}-wal`).size).toBeGreaterThan(0)
    backUpDatabase(killed, backup)
    expect(environmentsOf(backup)).toEqual(['first', 'second'])
    const empty = `${backup}-empty`
    await (await openStore(`sqlite:${empty}`)).close()
    expect(restoreDatabase(killed, empty)).toBe(`${killed}-replaced`)
    expect(environmentsOf(killed)).toEqual([])
  })

  test.each([
    ['is missing', () => undefined, /does not exist/],
    [
      'belongs to another program',
      (path: string) => new DatabaseSync(path).exec('create table visits (at text)'),
      /another program/,
    ],
    ['is not a database', (path: string) => writeFileSync(path, 'x'.repeat(5000)), /not a database/],
  ])('that %s is not restored', async (_what, create, message) => {
    const { path, backup, store } = await createDatabase()
    await store.close()
    create(backup)
    expect(() => restoreDatabase(path, backup)).toThrow(message)
    expect(environmentsOf(path)).toEqual(['first'])
  })
})

test('damage is found by a check and in the thread of the store, and is neither copied nor restored', async () => {
  const { path, backup, store } = await createDatabase()
  expect(await store.findDamage(new AbortController().signal)).toEqual([])
  await store.close()
  damage(path, 'series')
  expect(checkDatabase(path).join()).toMatch(/malformed|tree|page/i)
  expect(() => backUpDatabase(path, backup)).toThrow(/could not be copied/)
  expect(() => statSync(backup)).toThrow()
  const damaged = await openStore(`sqlite:${path}`)
  await damaged.ping()
  expect(await damaged.findDamage(new AbortController().signal)).not.toEqual([])
  await expect(damaged.ping()).rejects.toThrow(/damaged.*restore a backup/)
  await damaged.close()
})
