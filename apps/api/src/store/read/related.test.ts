import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { afterAll, describe, expect, test } from 'vitest'
import { countSteps, numbers } from '../../../test/step-count.ts'
import { createReadSession } from '../read-session.ts'
import { migrate } from '../sqlite/migrations.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import { createReadsInThread } from '../sqlite/read-pool.ts'
import { createStorage } from '../sqlite/storage.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { RelatedFilter } from '../store.ts'
import { createRelatedReader } from './related.ts'

/** Pods of the cluster, more than one statement examines. All but the last were deleted. */
const PODS = 120_000

/** Steps of SQLite's virtual machine for the relations that one statement examines, some 200 ms. */
const MAX_STEPS = 4_000_000

const file = new DatabaseSync(':memory:')
const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(file) }) })
await migrate(database)
const partOf = (type: string, id: string) =>
  `json_array(json_object('type', 'part_of', 'target', json_object('type', '${type}', 'id', ${id})))`
file.exec(`
  insert into environments values ('prod', 0);
  insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at)
    values ('prod', 'kubernetes', 'a', '1', 0, 0);
  insert into entities ${numbers(PODS)} select 1, 'pod', format('%06d', n), 'p',
    json_object('k8s.pod.label.app', 'web', 'k8s.pod.label.index', (n % 1000) || ''), ${partOf('cluster', "'c'")}, 0, 0,
    case when n < ${PODS} then 5 end, 0 from numbers;
  insert into entities ${numbers(450)} select 1, 'container', 'c' || n, 'c', '{}', ${partOf('pod', "'000001'")}, 0, 0,
    null, 0 from numbers;
  insert into entities ${numbers(450)} select 1, 'process', 'p' || n, 'p', '{}', ${partOf('container', "'c' || n")}, 0, 0,
    null, 0 from numbers`)
const counter = countSteps(file)
const readRelated = createRelatedReader(createReadsInThread(counter.file, createStorage(':memory:')))

afterAll(() => database.destroy())

const find = (type: string, id: string, limit: number, since?: number) =>
  findAll({ entity: { type, id }, labels: [], reach: 'owned', since }, limit)

const findLabelled = (labels: RelatedFilter['labels'], since?: number) =>
  findAll({ entity: undefined, labels, reach: 'owned', since, environment: 'prod' }, 5000)

async function findAll(filter: RelatedFilter, limit: number) {
  counter.reset()
  const session = createReadSession(new AbortController().signal, 0)
  const { entities, complete } = await readRelated(filter, limit, session)
  expect(counter.most()).toBeLessThan(MAX_STEPS)
  return { count: entities.length, complete }
}

describe('entities that are related', () => {
  test('are found in steps, whose number no entity with very many parts exceeds', async () => {
    expect(await find('cluster', 'c', 5000)).toEqual({ count: 5000, complete: false })
  })

  test('may be more if not all relations were examined, also when few meet the conditions', async () => {
    expect(await find('cluster', 'c', 5000, 10)).toEqual({ count: 1, complete: false })
  })

  test('are all found, over several statements of each step', async () => {
    expect(await find('pod', '000001', 5000)).toEqual({ count: 901, complete: true })
    expect(await find('pod', '000001', 901)).toEqual({ count: 901, complete: true })
    expect(await find('pod', '000001', 900)).toEqual({ count: 900, complete: false })
  })

  test('are found by labels in one bounded step, also when very many have the first label', async () => {
    expect(await findLabelled([['index', '7']])).toEqual({ count: 120, complete: true })
    expect(
      await findLabelled([
        ['index', '7'],
        ['app', 'web'],
      ]),
    ).toEqual({ count: 120, complete: true })
    expect(await findLabelled([['app', 'none']])).toEqual({ count: 0, complete: true })
    expect((await findLabelled([['app', 'web']])).complete).toBe(false)
    expect(
      (
        await findLabelled([
          ['app', 'web'],
          ['index', '7'],
        ])
      ).complete,
    ).toBe(false)
    expect((await findLabelled([['app', 'web']], 10)).complete).toBe(false)
  })
})
