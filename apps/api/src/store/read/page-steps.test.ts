import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { afterAll, describe, expect, test } from 'vitest'
import { countSteps, numbers } from '../../../test/step-count.ts'
import type { Page, PageRequest } from '../page.ts'
import { createReadSession } from '../read-session.ts'
import { migrate } from '../sqlite/migrations.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import { createReadsInThread } from '../sqlite/read-pool.ts'
import { createStorage } from '../sqlite/storage.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SeriesFilter } from '../store.ts'
import { createEntityReader } from './entities.ts'
import { readPageInSteps } from './page-steps.ts'
import { createSeriesReader } from './series.ts'

/** Entities of the first agent, all deleted but the last, and series of three agents. */
const ROWS = 110_000

/** Steps of SQLite's virtual machine for a page of a few rows that an index has in their order. */
const MAX_INDEXED_STEPS = 10_000

/** Steps for the rows that one statement examines. */
const MAX_EXAMINED_STEPS = 1_000_000

const file = new DatabaseSync(':memory:')
const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(file) }) })
await migrate(database)
file.exec(`
  insert into environments values ('prod', 0), ('other', 0);
  insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at) values
    ('prod', 'docker', 'a', '1', 0, 0), ('prod', 'docker', 'b', '1', 0, 0), ('other', 'docker', 'c', '1', 0, 0);
  insert into entities ${numbers(ROWS)} select 1, 'container', format('%06d', n), 'c', '{}', '[]', 0, 0,
    case when n < ${ROWS} then 1 end, 0 from numbers;
  insert into series (agent_key, fingerprint, name, entity_type, entity_id, attributes, unit, kind)
    ${numbers(ROWS)} select 1 + n % 3, 'f' || n, 'usage', 'container', 'c' || n, '{}', '1', 'gauge' from numbers;
  insert into series (agent_key, fingerprint, name, entity_type, entity_id, attributes, unit, kind)
    ${numbers(30)} select 1 + n % 3, 'g' || n, 'rare', 'container', 'c' || n, '{}', '1', 'gauge' from numbers`)
const counter = countSteps(file)
const pool = createReadsInThread(counter.file, createStorage(':memory:'))
const [readEntities, readSeries] = [createEntityReader(pool), createSeriesReader(pool)]
const session = createReadSession(new AbortController().signal, 0)

afterAll(() => database.destroy())

/** Reads all pages. Returns their items, their number, and the steps of the most expensive statement. */
async function readAll<Item>(read: (page: PageRequest) => Promise<Page<Item>>, limit = 1000) {
  const items: Item[] = []
  let pages = 0
  counter.reset()
  for (let after: PageRequest['after']; ; ) {
    const page = await read({ limit, after })
    items.push(...page.items)
    pages += 1
    if (page.next === undefined) return { items, pages, steps: counter.most() }
    after = page.next
  }
}

const seriesOf = (filter: SeriesFilter, limit?: number) => readAll((page) => readSeries(filter, page, session), limit)

describe('a list of entities', () => {
  test('skips deleted ones in steps, and ends a page after a limited number of them', async () => {
    const { items, pages, steps } = await readAll((page) => readEntities(1, { includeDeleted: false }, page, session))
    expect(items.map(({ id }) => id)).toEqual([String(ROWS)])
    // 20 statements of 5000 entities, and the rest.
    expect(pages).toBe(2)
    expect(steps).toBeLessThan(MAX_EXAMINED_STEPS)
  })

  test.each([undefined, 'container'])('continues after the last entity of a page, with the type %s', async (type) => {
    counter.reset()
    const filter = { type, includeDeleted: true }
    const first = await readEntities(1, filter, { limit: 2 }, session)
    const second = await readEntities(1, filter, { limit: 2, after: first.next }, session)
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(['000001', '000002', '000003', '000004'])
    expect(counter.most()).toBeLessThan(MAX_INDEXED_STEPS)
  })

  test('is empty for another type', async () => {
    expect((await readEntities(1, { type: 'host', includeDeleted: true }, { limit: 2 }, session)).items).toEqual([])
  })
})

describe('a list of series', () => {
  test.each<[string, SeriesFilter]>([
    ['name', { name: 'usage' }],
    ['environment', { name: 'usage', environment: 'prod' }],
    ['agent', { agent_key: 1 }],
  ])('reads a page of very many of one %s without the others', async (_name, filter) => {
    counter.reset()
    const first = await readSeries(filter, { limit: 20 }, session)
    const second = await readSeries(filter, { limit: 20, after: first.next }, session)
    const ids = [...first.items, ...second.items].map(({ id }) => id)
    expect(new Set(ids).size).toBe(40)
    expect(counter.most()).toBeLessThan(MAX_INDEXED_STEPS)
  })

  test.each([1, 7, 1000])('has every series once, in the same order, in pages of %i', async (limit) => {
    const ids = async (filter: SeriesFilter) =>
      (await seriesOf(filter, limit)).items.map(({ agent_id, entity_id }) => `${agent_id} ${entity_id}`)
    const all = await ids({ name: 'rare' })
    expect(new Set(all).size).toBe(30)
    // By agent.
    expect(all.map((key) => key.slice(0, 1))).toEqual([...'a'.repeat(10), ...'b'.repeat(10), ...'c'.repeat(10)])
    expect(await ids({ name: 'rare', environment: ['prod', 'other'] })).toEqual(all)
    expect(await ids({ name: 'rare', environment: 'prod' })).toEqual(all.filter((key) => !key.startsWith('c')))
    expect(await ids({ name: 'rare', environment: 'none' })).toEqual([])
    expect(await ids({ name: 'rare', agent_id: 'b' })).toEqual(all.filter((key) => key.startsWith('b')))
  })

  test('examines a limited number of series for a page, for an entity that few of very many have', async () => {
    const filter = { name: 'usage', entity_id: `c${ROWS}` }
    const { items, pages, steps } = await seriesOf(filter)
    expect({ count: items.length, pages }).toEqual({ count: 1, pages: 2 })
    expect(steps).toBeLessThan(MAX_EXAMINED_STEPS)
  })
})

test('a page ends with its limit, also between two steps', async () => {
  const step = async (after: readonly (string | number)[] | undefined) => {
    const first = Number(after?.[0] ?? 0)
    return { rows: [1, 2, 3].map((n) => ({ n: first + n, bytes: 1 })), end: first < 6 ? [first + 3] : undefined }
  }
  const read = (limit: number) => readPageInSteps<{ n: number; bytes: number }>({ limit }, ({ n }) => [n], step)
  expect((await read(4)).next).toEqual([4])
  expect((await read(3)).next).toEqual([3])
  expect((await read(9)).next).toBeUndefined()
})
