import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, type SqliteDatabase, sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../open-store.ts'
import { migrate } from './migrations.ts'
import { nodeSqlite } from './node-sqlite.ts'
import { openSqlite } from './open-sqlite.ts'
import { StoreDialect } from './sqlite-dialect.ts'
import { createStorage } from './storage.ts'

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-api-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Calls `onStatement` after every statement. */
function watched(database: SqliteDatabase, onStatement: () => void): SqliteDatabase {
  return {
    ...database,
    prepare: (text) => {
      const statement = database.prepare(text)
      const after = <Result>(result: Result): Result => {
        onStatement()
        return result
      }
      return {
        ...statement,
        all: (parameters) => after(statement.all(parameters)),
        run: (parameters) => after(statement.run(parameters)),
      }
    },
  }
}

function tablesOf(path: string): unknown[] {
  const database = new DatabaseSync(path)
  const rows = database.prepare("select name from sqlite_schema where type = 'table' order by name").all()
  database.close()
  return rows.map(({ name }) => name).filter((name) => !/^(?:kysely|sqlite)_/.test(String(name)))
}

describe('migrate', () => {
  test('leaves the old or the new schema when it is killed after any statement', async () => {
    const folder = createFolder()
    const path = join(folder, 'rca.sqlite')
    const file = new DatabaseSync(path)
    file.exec('pragma journal_mode = wal; pragma synchronous = off')
    const copies: string[] = []
    // The files of this moment are those that a killed process leaves.
    const copy = (): void => {
      const name = join(folder, `killed-${copies.length}.sqlite`)
      for (const suffix of ['', '-wal']) if (existsSync(path + suffix)) copyFileSync(path + suffix, name + suffix)
      copies.push(name)
    }
    const database = new Kysely({
      dialect: new StoreDialect(watched(nodeSqlite(file), copy), createStorage(':memory:')),
    })
    await migrate(database)
    const complete = tablesOf(path)
    await database.destroy()
    expect(complete).toContain('agent_keys')
    expect(copies.length).toBeGreaterThan(40)
    for (const killed of copies) {
      const found = tablesOf(killed)
      if (found.length > 0) expect(found).toEqual(complete)
    }
    for (const killed of copies.filter((_, index) => index % 10 === 0)) {
      const store = await openStore(`sqlite:${killed}`)
      await store.close()
      expect(tablesOf(killed)).toEqual(complete)
    }
  })

  test('keeps rows and their references while tables are replaced, and never gives an id again', async () => {
    const path = join(createFolder(), 'rca.sqlite')
    const old = new DatabaseSync(path)
    old.exec(readFileSync(join(import.meta.dirname, '../../../test/fixtures/first-schema.sql'), 'utf8'))
    const count = (database: DatabaseSync, table: string) =>
      Number(database.prepare(`select count(*) as count from ${table}`).get()?.count)
    const before = ['tokens', 'agents', 'series', 'points'].map((table) => count(old, table))
    old.close()
    const { writer, close } = openSqlite(path)
    onTestFinished(close)
    await migrate(writer)
    const file = new DatabaseSync(path)
    onTestFinished(() => file.close())
    expect(['tokens', 'agents', 'series', 'points'].map((table) => count(file, table))).toEqual(before)
    expect(before.every((rows) => rows > 0)).toBe(true)
    const series = { fingerprint: 'f', name: 'n', entity_type: 't', entity_id: 'i', attributes: '{}', unit: '1' }
    const add = async () =>
      (
        await writer
          .insertInto('series')
          .values({ ...series, agent_key: 1, kind: 'gauge' })
          .returning('id')
          .executeTakeFirstOrThrow()
      ).id
    const id = await add()
    await writer.deleteFrom('series').where('id', '=', id).execute()
    expect(await add()).toBe(id + 1)
    const { rows } = await sql<{ foreign_keys: number }>`pragma foreign_keys`.execute(writer)
    expect(rows).toEqual([{ foreign_keys: 1 }])
  })
})

test('triggers look up the relations, labels and steps of a row, and scan none of others', async () => {
  const database = new DatabaseSync(':memory:')
  const connection = new Kysely({ dialect: new StoreDialect(nodeSqlite(database), createStorage(':memory:')) })
  onTestFinished(() => connection.destroy())
  await migrate(connection)
  const triggers = database.prepare("select sql from sqlite_schema where type = 'trigger'").all()
  const deletions = triggers.flatMap(({ sql }) => String(sql).match(/delete from [^;]+/g) ?? [])
  expect(deletions).toHaveLength(6)
  for (const statement of deletions) {
    const plan = database.prepare(`explain query plan ${statement.replaceAll(/\b(?:old|new)\.\w+/g, '?')}`).all()
    expect(plan[0]?.detail).toMatch(
      /^SEARCH \w+ USING (?:PRIMARY KEY|COVERING INDEX change_steps_by_change) \(.*\b(?:id|step_id|change_id)=\?/,
    )
  }
})

describe('a file of another program', () => {
  test.each([
    ['with a table of the same name', 'create table agents (name text)'],
    ['that uses kysely', 'create table kysely_migration (name text, timestamp text); create table visits (at text)'],
  ])('is refused %s, and stays as it is', async (_what, schema) => {
    const path = join(createFolder(), 'other.sqlite')
    const other = new DatabaseSync(path)
    other.exec(schema)
    other.close()
    const before = readFileSync(path)
    await expect(openStore(`sqlite:${path}`)).rejects.toThrow(
      /other\.sqlite` could not be opened \(it belongs to another program, with a table `(?:agents|visits)`\)\. Set `DATABASE_URL` to another path\.$/,
    )
    expect(readFileSync(path).equals(before)).toBe(true)
  })
})
