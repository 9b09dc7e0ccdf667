import { type Metric, seriesKeyOf } from '@rca/core/protocol'
import { describe, expect, test } from 'vitest'
import { migrate } from '../sqlite/migrations.ts'
import { openSqlite } from '../sqlite/open-sqlite.ts'
import { createSeriesIndex } from './series-index.ts'

const metric: Metric = {
  name: 'm',
  value: 1,
  unit: '1',
  kind: 'gauge',
  entity: { type: 'host', id: 'h' },
  attributes: {},
}

const prepared = { metric, seriesKey: seriesKeyOf(metric) }

describe('SeriesIndex', () => {
  test('caches committed series, and none that were removed during the lookup', async () => {
    const { writer: database } = openSqlite(':memory:')
    await migrate(database)
    const index = createSeriesIndex()
    const resolve = async (lookup: ReturnType<typeof index.begin>) =>
      database
        .transaction()
        .execute((transaction) => lookup.resolve(transaction, 1, [prepared, prepared], { stored: 1, room: 9 }))
        .then(({ ids }) => ids)

    const first = index.begin()
    const [id] = await resolve(first)
    expect(await resolve(first)).toEqual([id, id])
    // The retention removes the series after the transaction and before its lookup is cached.
    await database.deleteFrom('series').execute()
    await database
      .insertInto('series')
      .values({
        agent_key: 9,
        fingerprint: 'another',
        name: '',
        entity_type: '',
        entity_id: '',
        attributes: '{}',
        unit: '',
        kind: '',
      })
      .execute()
    index.clear()
    first.commit()

    const second = index.begin()
    const [recreated] = await resolve(second)
    expect(recreated).not.toBe(id)
    second.commit()
    await database.deleteFrom('series').execute()
    expect(await resolve(index.begin())).toEqual([recreated, recreated])
    await database.destroy()
  })
})
