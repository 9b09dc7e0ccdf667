import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { CompiledQuery, Kysely, SqliteDialect } from 'kysely'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import type { Tables } from '../sqlite/tables.ts'
import { createGroupCommit, type Write } from './group-commit.ts'

/** Begins and ends of transactions, in their order. */
const statements: string[] = []

beforeEach(() => {
  statements.length = 0
})

function openDatabase() {
  const file = new DatabaseSync(':memory:')
  file.exec('create table reports (agent_key integer, report_id text unique, received_at integer)')
  const adapted = nodeSqlite(file)
  const database = new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        ...adapted,
        prepare: (text) => {
          if (['begin', 'commit', 'rollback'].includes(text)) statements.push(text)
          return adapted.prepare(text)
        },
      },
    }),
  })
  onTestFinished(() => database.destroy())
  const stored = (): unknown[] =>
    file
      .prepare('select report_id from reports order by rowid')
      .all()
      .map((row) => row.report_id)
  return { database, file, stored }
}

/** Writes one report. */
function insert(id: string): Write<string> {
  return async (transaction) => {
    await transaction.insertInto('reports').values({ agent_key: 1, report_id: id, received_at: 0 }).execute()
    return id
  }
}

describe('group commit', () => {
  test('commits concurrent writes once, in their order', async () => {
    const { database, stored } = openDatabase()
    const commits = createGroupCommit(database, 0)
    const results = await Promise.all(['a', 'b', 'c'].map((id) => commits.run(1, insert(id))))
    expect(results).toEqual(['a', 'b', 'c'])
    expect(stored()).toEqual(['a', 'b', 'c'])
    expect(statements).toEqual(['begin', 'commit'])
  })

  test('reports success only after the commit', async () => {
    const { database } = openDatabase()
    const commits = createGroupCommit(database, 0)
    const first = commits.run(1, insert('a')).then(() => statements.push('answer'))
    await Promise.all([first, commits.run(1, insert('b'))])
    expect(statements).toEqual(['begin', 'commit', 'answer'])
  })

  test('adds writes that arrive while the group is written', async () => {
    const { database, stored } = openDatabase()
    const commits = createGroupCommit(database, 0)
    let later: Promise<string> | undefined
    await commits.run(1, async (transaction) => {
      await insert('a')(transaction, async () => undefined)
      later = commits.run(1, insert('b'))
    })
    await later
    expect(stored()).toEqual(['a', 'b'])
    expect(statements).toEqual(['begin', 'commit'])
  })

  test('waits for further writes when the last group began recently', async () => {
    const { database } = openDatabase()
    const commits = createGroupCommit(database, 200)
    await commits.run(1, insert('a'))
    const second = commits.run(1, insert('b'))
    await setImmediate()
    await Promise.all([second, commits.run(1, insert('c'))])
    expect(statements).toEqual(['begin', 'commit', 'begin', 'commit'])
  })

  test('undoes a failed write alone', async () => {
    const { database, stored } = openDatabase()
    const commits = createGroupCommit(database, 0)
    const outcomes = await Promise.allSettled([
      commits.run(1, insert('a')),
      commits.run(1, async (transaction, pause) => {
        await insert('b')(transaction, pause)
        await insert('a')(transaction, pause)
      }),
      commits.run(1, insert('c')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(stored()).toEqual(['a', 'c'])
    expect(statements).toEqual(['begin', 'commit'])
  })

  test('commits a large write apart from small ones', async () => {
    const { database } = openDatabase()
    const commits = createGroupCommit(database, 0)
    await Promise.all([1, 1_000_000, 1, 1].map((rows, index) => commits.run(rows, insert(`${index}`))))
    expect(statements).toEqual(['begin', 'commit', 'begin', 'commit', 'begin', 'commit'])
  })

  test('rejects every write of a group whose transaction SQLite has rolled back, and goes on', async () => {
    const { database, file, stored } = openDatabase()
    const commits = createGroupCommit(database, 0)
    const outcomes = await Promise.allSettled([
      commits.run(1, insert('a')),
      commits.run(1, async () => {
        file.exec('rollback')
        throw new Error('disk full')
      }),
      commits.run(1, insert('c')),
    ])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { message: 'disk full' } },
      { status: 'rejected', reason: { message: 'disk full' } },
      { status: 'fulfilled' },
    ])
    expect(stored()).toEqual(['c'])
  })

  test('rejects every write of a group that cannot be committed, and goes on', async () => {
    const { database, file, stored } = openDatabase()
    file.exec('pragma foreign_keys = on; create table parent (id integer primary key)')
    file.exec('create table child (id references parent deferrable initially deferred)')
    const commits = createGroupCommit(database, 0)
    const outcomes = await Promise.allSettled([
      commits.run(1, insert('a')),
      commits.run(1, (transaction) => transaction.executeQuery(CompiledQuery.raw('insert into child values (1)'))),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await commits.run(1, insert('b'))
    expect(stored()).toEqual(['b'])
  })

  test('rejects one write for each transaction that cannot begin', async () => {
    const { database, file } = openDatabase()
    const commits = createGroupCommit(database, 0)
    file.exec('begin')
    const first = commits.run(1, insert('a'))
    const second = commits.run(1, insert('b'))
    await expect(first).rejects.toThrow('cannot start a transaction')
    file.exec('commit')
    await expect(second).resolves.toBe('b')
  })
})
