import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Bucket } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { PointQuery, SignalStore } from '../store.ts'

/** Series per statement. SQLite allows some thousand parameters. */
const SERIES_BATCH_SIZE = 500

/** Reads points, downsampled to one value per bucket inside the database. */
export function createPointReader(database: Kysely<Tables>): SignalStore['points'] {
  return async (query) => {
    const buckets: Bucket[] = []
    for (let start = 0; start < query.seriesIds.length; start += SERIES_BATCH_SIZE) {
      const part = { ...query, seriesIds: query.seriesIds.slice(start, start + SERIES_BATCH_SIZE) }
      const { rows } = await statementOf(part).execute(database)
      // A sum that overflows is infinite or null, and is left out.
      for (const row of rows) if (Number.isFinite(row.value)) buckets.push(row)
    }
    return buckets
  }
}

function statementOf(query: PointQuery): RawBuilder<Bucket> {
  if (query.aggregate === 'rate') return rate(query)
  if (query.aggregate === 'last') return last(query)
  const { seriesIds, from, to, step } = query
  return sql<Bucket>`
    select series_id, ${bucketOf('at', step)} as bucket, ${sql.raw(query.aggregate)}(value) as value
    from points
    where series_id in (${sql.join(seriesIds)}) and at >= ${from} and at < ${to}
    group by series_id, bucket order by series_id, bucket`
}

function last({ seriesIds, from, to, step }: PointQuery): RawBuilder<Bucket> {
  return sql<Bucket>`
    select points.series_id, ${bucketOf('points.at', step)} as bucket, points.value
    from points join (
      select series_id, max(at) as at from points
      where series_id in (${sql.join(seriesIds)}) and at >= ${from} and at < ${to}
      group by series_id, ${bucketOf('at', step)}
    ) as newest on newest.series_id = points.series_id and newest.at = points.at
    order by points.series_id, bucket`
}

/**
 * Computes the increase per second between neighbouring points. A counter that decreased was reset and has counted from
 * 0 since. The last point before the range is a neighbour of the first one in it.
 */
function rate({ seriesIds, from, to, step }: PointQuery): RawBuilder<Bucket> {
  return sql<Bucket>`
    with neighbours as (
      select series_id, at, value, lag(at) over (partition by series_id order by at) as earlier_at, lag(value) over (partition by series_id order by at) as earlier
      from points
      where series_id in (${sql.join(seriesIds)}) and at < ${to}
      and at >= coalesce((select max(at) from points as before where before.series_id = points.series_id and before.at < ${from}), ${from})
    )
    select series_id, ${bucketOf('at', step)} as bucket,
      sum(case when value >= earlier then value - earlier else value end) * 1000.0 / sum(at - earlier_at) as value
    from neighbours where at >= ${from} and earlier is not null
    group by series_id, bucket order by series_id, bucket`
}

/** Start of the bucket, rounded down, also before 1970. With literals: SQLite sees one expression everywhere. */
function bucketOf(column: 'at' | 'points.at', step: number): RawBuilder<number> {
  const [at, length] = [sql.ref(column), sql.raw(String(Math.trunc(step)))]
  return sql<number>`(${at} - ((${at} % ${length}) + ${length}) % ${length})`
}
