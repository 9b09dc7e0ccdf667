import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { countSteps } from '../../../test/step-count.ts'
import { createReadSession } from '../read-session.ts'
import { migrate } from '../sqlite/migrations.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import { createReadsInThread } from '../sqlite/read-pool.ts'
import { createStorage } from '../sqlite/storage.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { EventFilter } from '../store.ts'
import { createEventReader } from './events.ts'

const EVENTS = 40_000

/** Steps of SQLite's virtual machine for a question whose answer an index has. */
const MAX_INDEXED_STEPS = 3000

/** Steps for counting 5000 events and for a page of a few. */
const MAX_PERIOD_STEPS = 100_000

/** Steps for a page that examines as many events as it may: 100 for each of 5000. */
const MAX_PAGE_STEPS = 500_000

const file = new DatabaseSync(':memory:')
const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(file) }) })
await migrate(database)
file.exec(`
  insert into environments values ('prod', 0), ('idle', 0);
  insert into agents (environment, agent_type, agent_id, agent_version, first_seen_at, last_seen_at) values
    ('prod', 'docker', 'a', '1', 0, 0), ('prod', 'docker', 'b', '1', 0, 0), ('idle', 'docker', 'c', '1', 0, 0),
    ('idle', 'docker', 'd', '1', 0, 0);
  insert into events (agent_key, name, at, severity, entity_type, entity_id, body, attributes)
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${EVENTS})
    select 1 + n % 2, 'container.' || (n % 2), n, n % 2, 'container', 'c' || (n % 4), 'body',
      case when n = 10 then '{"k8s.namespace.name":"shop"}' else '{}' end from numbers`)
const counter = countSteps(file)
const readEvents = createEventReader(createReadsInThread(counter.file, createStorage(':memory:')))
const session = createReadSession(new AbortController().signal, 0)

afterAll(() => database.destroy())

/** Reads all pages. Returns the number of events, and of steps of the most expensive page. */
async function readAll(filter: EventFilter, limit = 1000): Promise<{ count: number; pages: number; steps: number }> {
  let [count, pages, most] = [0, 0, 0]
  for (let after: readonly (string | number)[] | undefined; ; ) {
    counter.reset()
    const { items, next } = await readEvents(filter, { limit, after }, session)
    most = Math.max(most, counter.total())
    count += items.length
    pages += 1
    if (next === undefined) return { count, pages, steps: most }
    after = next
  }
}

describe('a list of events', () => {
  test.each<[string, EventFilter]>([
    ['severity', { severity: 'critical' }],
    ['name', { name: 'container.other' }],
    ['entity', { entity_type: 'container', entity_id: 'other' }],
    ['type of entity', { entity_type: 'host' }],
    ['id of entity', { entity_id: 'other' }],
    ['namespace', { namespace: 'bank' }],
    ['environment', { environment: 'idle' }],
    ['unknown environment', { environment: 'other' }],
    ['agent', { agent_id: 'c' }],
    ['time', { from: EVENTS + 1 }],
    ['name, in an environment with many events', { name: 'container.other', environment: 'prod' }],
    ['change', { step_of: 'other' }],
    ['text, with a rare namespace', { namespace: 'shop', text: 'other' }],
  ])('takes a few steps when nothing has the %s', async (_name, filter) => {
    const { count, pages, steps: most } = await readAll(filter)
    expect({ count, pages }).toEqual({ count: 0, pages: 1 })
    expect(most).toBeLessThan(MAX_INDEXED_STEPS)
  })

  test('examines a limited number of events for a page, for conditions that never meet', async () => {
    const filter: EventFilter = { name: 'container.0', severity: 'warning', environment: 'prod' }
    const { count, pages, steps: most } = await readAll(filter)
    // Half of the events have the name.
    expect({ count, pages }).toEqual({ count: 0, pages: 5 })
    expect(most).toBeLessThan(MAX_PAGE_STEPS)
  })

  test('goes on after a page with an event that the retention removes meanwhile', async () => {
    const prepare = file.prepare.bind(file)
    file.exec('savepoint removal')
    const spy = vi.spyOn(file, 'prepare').mockImplementation((text) => {
      if (text.includes('inner join "agents"')) file.exec(`delete from events where at = ${EVENTS}`)
      return prepare(text)
    })
    const { items, next } = await readEvents({}, { limit: 2 }, session).finally(() => {
      spy.mockRestore()
      file.exec('rollback to removal; release removal')
    })
    expect(items.map(({ at }) => at)).toEqual([EVENTS - 1])
    expect(next?.[0]).toBe(EVENTS - 1)
  })

  test('leaves out the steps of many changes at once', async () => {
    file.exec(`savepoint steps;
      insert into events (agent_key, event_id, name, at, severity, entity_type, entity_id, body, attributes)
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 12_000)
        select 3, 'e' || n, 'container.' || (n % 12), n, n % 12 = 0, 'container', 'c', 'body', case n % 12
          when 0 then '{"change.steps":["e' || (n - 1) || '","e' || (n - 2) || '","e' || (n - 3) || '"]}'
          when 1 then '{"step.change_id":"e' || (n - 1) || '"}' else '{}' end from numbers`)
    try {
      const folded = await readAll({ environment: 'idle', fold: true })
      // The first event names a change that does not exist.
      expect(folded.count).toBe(12_000 - 3 * 1000 - 999)
      expect(folded.steps).toBeLessThan(MAX_PAGE_STEPS)
      const { items } = await readEvents({ name: 'container.0', fold: true }, { limit: 2 }, session)
      expect(items.map(({ steps }) => steps)).toEqual([0, 0])
      const one = await readAll({ step_of: 'e24' })
      expect(one.count).toBe(4)
      expect(one.steps).toBeLessThan(MAX_INDEXED_STEPS)
    } finally {
      file.exec('rollback to steps; release steps')
    }
  })

  test.each([0, 3])('examines a limited number of events of a type in a period with %i of them', async (count) => {
    const filter: EventFilter = { entity_type: 'container', from: EVENTS - count + 1, to: EVENTS + 1 }
    const all = await readAll(filter)
    expect(all.count).toBe(count)
    expect(all.steps).toBeLessThan(MAX_PERIOD_STEPS)
  })

  test.each<[string, EventFilter, number]>([
    ['type of entity', { entity_type: 'container' }, EVENTS],
    ['id of entity', { entity_id: 'c1' }, EVENTS / 4],
    ['id of entity and severity', { entity_id: 'c1', severity: 'warning' }, EVENTS / 4],
    ['several agents', { environment: 'prod', severity: 'warning' }, EVENTS / 2],
    ['one of several agents', { agent_id: 'b', name: 'container.1' }, EVENTS / 2],
    ['several entities', { entities: ['c1', 'c3'].map((id) => ({ agent_key: 2, type: 'container', id })) }, EVENTS / 2],
    ['namespace', { namespace: 'shop', entity_type: 'container' }, 1],
  ])('returns each event once, by %s', async (_name, filter, expected) => {
    const { count } = await readAll(filter, 10_000)
    expect(count).toBe(expected)
  })
})
