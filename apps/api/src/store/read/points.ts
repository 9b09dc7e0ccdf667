import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { PointQuery } from '../queries.ts'
import type { Bucket } from '../records.ts'
import type { Tables } from '../sqlite/tables.ts'
import type { SignalStore } from '../store.ts'

/** Series per statement. SQLite allows some thousand parameters. */
const SERIES_BATCH_SIZE = 500

interface BucketRow {
  readonly series_id: number
  readonly bucket: number
  readonly value: number | null
}

/** Reads points, downsampled to one value per bucket inside the database. */
export function createPointReader(database: Kysely<Tables>): SignalStore['points'] {
  return async (query) => {
    const buckets: Bucket[] = []
    for (let start = 0; start < query.seriesIds.length; start += SERIES_BATCH_SIZE) {
      const part = { ...query, seriesIds: query.seriesIds.slice(start, start + SERIES_BATCH_SIZE) }
      const { rows } = await statementOf(part).execute(database)
      for (const { series_id: seriesId, bucket, value } of rows) {
        // A sum that overflows is not a number and is left out.
        if (value !== null && Number.isFinite(value)) buckets.push({ seriesId, at: bucket, value })
      }
    }
    return buckets
  }
}

function statementOf(query: PointQuery): RawBuilder<BucketRow> {
  if (query.aggregate === 'rate') return rate(query)
  if (query.aggregate === 'last') return last(query)
  const { seriesIds, from, to, step } = query
  return sql<BucketRow>`
    select series_id, ${bucketOf('at', step)} as bucket, ${sql.raw(query.aggregate)}(value) as value
    from points
    where series_id in (${sql.join(seriesIds)}) and at >= ${from} and at < ${to}
    group by series_id, bucket order by series_id, bucket`
}

function last({ seriesIds, from, to, step }: PointQuery): RawBuilder<BucketRow> {
  return sql<BucketRow>`
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
function rate({ seriesIds, from, to, step }: PointQuery): RawBuilder<BucketRow> {
  return sql<BucketRow>`
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

/**
 * Start of the bucket, rounded down, also before 1970. Numbers are literals, so that SQLite sees the same expression
 * everywhere.
 */
function bucketOf(column: 'at' | 'points.at', step: number): RawBuilder<number> {
  const [at, length] = [sql.ref(column), sql.raw(String(Math.trunc(step)))]
  return sql<number>`(${at} - ((${at} % ${length}) + ${length}) % ${length})`
}
