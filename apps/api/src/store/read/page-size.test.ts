import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { numbers } from '../../../test/step-count.ts'
import type { Page, PageRequest } from '../page.ts'
import { createReadSession } from '../read-session.ts'
import { migrate } from '../sqlite/migrations.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import { createReadsInThread, type ReadPool } from '../sqlite/read-pool.ts'
import { createStorage } from '../sqlite/storage.ts'
import type { Tables } from '../sqlite/tables.ts'
import { createAgentReader } from './agents.ts'
import { createEntityReader } from './entities.ts'
import { createEventReader } from './events.ts'
import { createGapReader } from './gaps.ts'
import { createSeriesReader } from './series.ts'

/** Largest JSON text of one signal. */
const SIGNAL_BYTES = 256 * 1024

const session = createReadSession(new AbortController().signal, 0)

async function sizesOf(read: (page: PageRequest) => Promise<Page<unknown>>): Promise<number[]> {
  const sizes: number[] = []
  for (let after: PageRequest['after']; ; ) {
    const { items, next } = await read({ limit: 1000, after })
    sizes.push(items.length)
    if (next === undefined) return sizes
    after = next
  }
}

/** Creates an empty store in memory. */
async function createFile(): Promise<{ file: DatabaseSync; database: Kysely<Tables>; pool: ReadPool }> {
  const file = new DatabaseSync(':memory:')
  const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(file) }) })
  await migrate(database)
  onTestFinished(() => database.destroy())
  return { file, database, pool: createReadsInThread(file, createStorage(':memory:')) }
}

/** SQL of a JSON object of a size. */
const jsonOf = (bytes: number): string => `json_object('text', hex(zeroblob(${bytes / 2})))`

test('pages of large signals end early', async () => {
  const { file, pool } = await createFile()
  const large = jsonOf(SIGNAL_BYTES)
  file.exec(`
    insert into environments values ('prod', 0);
    insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at)
      values ('prod', 'docker', 'a', '1', 0, 0);
    insert into events (agent_key, name, at, severity, entity_type, entity_id, body, attributes)
      ${numbers(17)} select 1, 'n', n, 0, 't', 'i', '', ${large} from numbers;
    insert into entities ${numbers(17)} select 1, 't', n, 'n', ${large}, '[]', 0, 0, null, 0 from numbers;
    insert into series (agent_key, fingerprint, name, entity_type, entity_id, attributes, unit, kind)
      ${numbers(17)} select 1, n, 'n', 't', 'i', ${large}, '1', 'gauge' from numbers;
    insert into events (agent_key, name, at, severity, entity_type, entity_id, body, attributes)
      values (1, 'larger than a page', 0, 0, 't', 'i', hex(zeroblob(2000000)), '{}')`)
  const [events, entities, series] = [createEventReader(pool), createEntityReader(pool), createSeriesReader(pool)]
  expect(await sizesOf((page) => events({}, page, session))).toEqual([7, 7, 3, 1])
  expect(await sizesOf((page) => entities(1, { includeDeleted: false }, page, session))).toEqual([7, 7, 3])
  expect(await sizesOf((page) => series({}, page, session))).toEqual([7, 7, 3])
})

test('pages of large agents end early, and large statuses of instances are left out', async () => {
  const { file, database, pool } = await createFile()
  file.exec(`
    insert into environments values ('prod', 0);
    insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at, collectors,
      newest_revision)
      ${numbers(17)} select 'prod', 'docker', 'a' || n, '1', 0, 0, ${jsonOf(128 * 1024)}, 1 from numbers;
    insert into agent_instances ${numbers(17)} select n, 'i' || other, 'standby', other, '1', ${jsonOf(96 * 1024)},
      '{}', 0, 30, null from numbers, (${numbers(6)} select n as other from numbers);
    insert into gaps (agent_key, scope, since, reason, last_reported_at, revision)
      ${numbers(17)} select n, 's', 0, hex(zeroblob(${64 * 1024})), 0, 1 from numbers`)
  const { list, instances, openGaps } = createAgentReader(database, pool)
  const read = (page: PageRequest) => list({ now: 0, intervalSeconds: 30 }, page, session)
  // 128 KiB of collectors, 512 KiB of instances and 128 KiB of gaps each.
  expect(await sizesOf(read)).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 1])
  const shown = (await instances([1], session)).get(1)?.map(({ collectors }) => collectors !== null)
  expect(shown).toEqual([true, true, true, true, true, false])
  expect((await openGaps([1, 2], session)).get(2)).toMatchObject([{ scope: 's', open: 1 }])
})

test('gaps of very many periods are those that were reported last', async () => {
  const { file, pool } = await createFile()
  file.exec(`
    insert into environments values ('prod', 0);
    insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at, newest_revision)
      values ('prod', 'docker', 'a', '1', 0, 0, 30000);
    insert into gaps (agent_key, scope, since, reason, last_reported_at, revision)
      ${numbers(20_000)} select 1, 's' || (n % 3), n, 'r', n, n from numbers`)
  const gaps = createGapReader(pool)
  const read = () => gaps(1, false, { limit: 10 }, session)
  const all = await read()
  expect(all.complete).toBe(true)
  file.exec(`insert into gaps (agent_key, scope, since, reason, last_reported_at, revision)
    values (1, 'newest', 30000, 'r', 30000, 30000)`)
  const { items, complete } = await read()
  expect(complete).toBe(false)
  expect(items.map(({ scope, count, open }) => ({ scope, count, open }))).toEqual([
    { scope: 'newest', count: 1, open: 1 },
    { scope: 's2', count: 6667, open: 0 },
    { scope: 's1', count: 6666, open: 0 },
    { scope: 's0', count: 6666, open: 0 },
  ])
})
