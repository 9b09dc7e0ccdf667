import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { countSteps, numbers } from '../../../test/step-count.ts'
import { migrate } from '../sqlite/migrations.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import type { Tables } from '../sqlite/tables.ts'
import { markDeletedBySnapshot } from './snapshot-deletion.ts'

/** Containers of one pod, pods of two clusters' nodes, and containers without a relation. */
const MANY = 20_000

/** Length of a chain of entities, each a part of the one before. */
const DEPTH = 700

/** Steps of SQLite's virtual machine for the rows that one statement examines, less than 10 ms. */
const MAX_STEPS = 250_000

const file = new DatabaseSync(':memory:')
const counter = countSteps(file)
const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(counter.file) }) })
await migrate(database)
const relation = (type: string, id: string) =>
  `json_array(json_object('type', 'part_of', 'target', json_object('type', '${type}', 'id', ${id})))`
const add = (agent: number, type: string, count: number, relations: string) =>
  file.exec(`insert into entities ${numbers(count)}
    select ${agent}, '${type}', '${type}-' || n, 'x', '{}', ${relations}, 0, 0, null, 1 from numbers`)
for (const agent of [1, 2]) add(agent, 'pod', MANY, relation('node', "'node-' || n % 3"))
add(1, 'container', MANY, relation('pod', "'pod-1'"))
add(1, 'process', DEPTH, relation('process', "'process-' || (n - 1)"))
add(1, 'volume', MANY, "'[]'")

afterAll(() => database.destroy())

test.each([
  ['an entity with very many parts', [{ type: 'pod', id: 'pod-1' }], { container: MANY, pod: 1 }],
  ['an entity with parts of parts', [{ type: 'process', id: 'process-0' }], { process: DEPTH }],
  ['a type that very many entities of all agents refer to', [{ type: 'node' }], { container: MANY, pod: MANY }],
  ['an entity that is a part of nothing', [{ type: 'volume', id: 'volume-7' }], { volume: 1 }],
  ['a type', [{ type: 'volume' }, { type: 'process', id: 'none' }], { volume: MANY }],
])('a snapshot that could not read %s keeps it and its parts, in small steps', async (_what, unread, kept) => {
  counter.reset()
  file.exec('begin')
  await database.connection().execute(async (connection) => {
    const stamp = { agent: 1, at: 5, revision: 2 }
    await markDeletedBySnapshot(connection as never, stamp, async () => undefined, unread)
  })
  const rows = file
    .prepare('select type, count(*) as count from entities where agent_key = 1 and deleted_at is null group by type')
    .all()
  const others = file.prepare('select count(*) as count from entities where agent_key = 2 and deleted_at is null').get()
  file.exec('rollback')
  expect(Object.fromEntries(rows.map(({ type, count }) => [type, count]))).toEqual(kept)
  expect(others).toEqual({ count: MANY })
  expect(counter.most()).toBeLessThan(MAX_STEPS)
})
