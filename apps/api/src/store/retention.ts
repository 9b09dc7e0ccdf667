import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { SeriesIndex } from './series-index.ts'
import type { RetentionOutcome } from './store.ts'
import type { Tables } from './tables.ts'

/** Series whose points are looked at in one transaction. Reports are taken in between. */
const SERIES = 200

/** Rows that one statement removes at most. */
const ROWS = 5000

/** Removes what is older than `before`. Series, agents and expired tokens go with the last thing that they hold. */
export async function applyRetention(
  database: Kysely<Tables>,
  index: SeriesIndex,
  before: number,
): Promise<RetentionOutcome> {
  const { points, series } = await removePoints(database, index, before)
  const events = await inSteps(() =>
    database
      .deleteFrom('events')
      .where('key', 'in', (from) =>
        from.selectFrom('events').select('key').where('at', '<', before).orderBy('at').limit(ROWS),
      )
      .executeTakeFirst(),
  )
  const reports = await removed(database.deleteFrom('reports').where('received_at', '<', before).executeTakeFirst())
  const entities = await removed(database.deleteFrom('entities').where('deleted_at', '<', before).executeTakeFirst())
  await database.deleteFrom('gaps').where('last_reported_at', '<', before).execute()
  await database
    .deleteFrom('tokens')
    .where((expression) =>
      expression.or([expression('expires_at', '<', before), expression('revoked_at', '<', before)]),
    )
    .execute()
  const agents = await removeAgents(database, before)
  return { points, series, events, entities, reports, agents }
}

async function removePoints(
  database: Kysely<Tables>,
  index: SeriesIndex,
  before: number,
): Promise<{ points: number; series: number }> {
  const outcome = { points: 0, series: 0 }
  for (let after = 0; ; ) {
    const ids = (
      await database.selectFrom('series').select('id').where('id', '>', after).orderBy('id').limit(SERIES).execute()
    ).map((row) => row.id)
    const last = ids.at(-1)
    if (last === undefined) return outcome
    after = last
    await database.transaction().execute(async (transaction) => {
      outcome.points += await removed(
        transaction.deleteFrom('points').where('series_id', 'in', ids).where('at', '<', before).executeTakeFirst(),
      )
      const empty = transaction
        .deleteFrom('series')
        .where('id', 'in', ids)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('points').select('at').whereRef('series_id', '=', 'series.id'))),
        )
      const series = await removed(empty.executeTakeFirst())
      if (series > 0) index.clear()
      outcome.series += series
    })
    await setImmediate()
  }
}

/** An agent that has not called for the whole time is forgotten: it may never come back under this identity. */
async function removeAgents(database: Kysely<Tables>, before: number): Promise<number> {
  return database.transaction().execute(async (transaction) => {
    const keys = (
      await transaction.selectFrom('agents').select('key').where('last_seen_at', '<', before).limit(ROWS).execute()
    ).map((row) => row.key)
    if (keys.length === 0) return 0
    for (const table of ['entities', 'gaps', 'events', 'reports'] as const)
      await transaction.deleteFrom(table).where('agent_key', 'in', keys).execute()
    const orphaned = transaction.selectFrom('series').select('agent_key').where('agent_key', 'in', keys)
    return removed(
      transaction.deleteFrom('agents').where('key', 'in', keys).where('key', 'not in', orphaned).executeTakeFirst(),
    )
  })
}

async function inSteps(step: () => Promise<{ readonly numDeletedRows: bigint }>): Promise<number> {
  for (let total = 0; ; await setImmediate()) {
    const count = await removed(step())
    total += count
    if (count < ROWS) return total
  }
}

async function removed(deletion: Promise<{ readonly numDeletedRows: bigint }>): Promise<number> {
  return Number((await deletion).numDeletedRows)
}
