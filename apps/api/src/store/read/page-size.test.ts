import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { expect, test } from 'vitest'
import type { Page, PageRequest } from '../page.ts'
import { createReadSession } from '../read-session.ts'
import { migrate } from '../sqlite/migrations.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import { createReadsInThread } from '../sqlite/read-pool.ts'
import { createStorage } from '../sqlite/storage.ts'
import { createEntityReader } from './entities.ts'
import { createEventReader } from './events.ts'
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

test('pages of large signals end early', async () => {
  const file = new DatabaseSync(':memory:')
  await migrate(new Kysely<unknown>({ dialect: new SqliteDialect({ database: nodeSqlite(file) }) }))
  const large = `json_object('text', hex(zeroblob(${SIGNAL_BYTES / 2})))`
  const numbers = 'with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 17)'
  file.exec(`
    insert into environments values ('prod', 0);
    insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at)
      values ('prod', 'docker', 'a', '1', 0, 0);
    insert into events (agent_key, name, at, severity, entity_type, entity_id, body, attributes)
      ${numbers} select 1, 'n', n, 0, 't', 'i', '', ${large} from numbers;
    insert into entities ${numbers} select 1, 't', n, 'n', ${large}, '[]', 0, 0, null, 0 from numbers;
    insert into series (agent_key, fingerprint, name, entity_type, entity_id, attributes, unit, kind)
      ${numbers} select 1, n, 'n', 't', 'i', ${large}, '1', 'gauge' from numbers;
    insert into events (agent_key, name, at, severity, entity_type, entity_id, body, attributes)
      values (1, 'larger than a page', 0, 0, 't', 'i', hex(zeroblob(2000000)), '{}')`)
  const pool = createReadsInThread(file, createStorage(':memory:'))
  const [events, entities, series] = [createEventReader(pool), createEntityReader(pool), createSeriesReader(pool)]
  expect(await sizesOf((page) => events({}, page, session))).toEqual([7, 7, 3, 1])
  expect(await sizesOf((page) => entities(1, { includeDeleted: false }, page, session))).toEqual([7, 7, 3])
  expect(await sizesOf((page) => series({}, page, session))).toEqual([7, 7, 3])
})
