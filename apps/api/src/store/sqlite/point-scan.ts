import type { DatabaseSync } from 'node:sqlite'
import type { BucketValues } from '../records.ts'
import type { PointQuery } from '../store.ts'
import type { Points } from './point-encoding.ts'
import { createPointReader, type Point } from './point-reader.ts'

/** Points of one step of a scan, which take some milliseconds. */
const STEP_POINTS = 50_000

/** The beginning of the next step of a scan. */
export interface ScanState {
  /** Index in the list of series. */
  index: number
  /** Time of the next point. `undefined` for a series that has not begun. */
  at: number | undefined
  /** The last point of the series, for its growth. */
  earlier: Point | undefined
  /** The last bucket of the series, which may get more points. */
  bucket: OpenBucket | undefined
}

interface OpenBucket {
  readonly at: number
  count: number
  sum: number
  min: number
  max: number
  last: number
  /** Growth of a counter, and the time in which it grew. */
  growth: number
  elapsed: number
}

export interface ScanStep {
  /** A series that takes several steps has values in each. */
  readonly buckets: readonly BucketValues[]
  /** Number of points that were read. */
  readonly points: number
  /** `undefined` at the end. */
  readonly next: ScanState | undefined
}

export type PointScanner = (query: PointQuery, state?: ScanState) => ScanStep

/** Creates a function that reads points in steps, each of one state of the store, and combines them to buckets. */
export function createPointScanner(file: DatabaseSync): PointScanner {
  const reader = createPointReader(file)

  /** Reads points of the series of a state, at most `limit`. Returns the state after them. */
  const scanSeries = (
    query: PointQuery,
    state: ScanState,
    values: BucketList,
    limit: number,
  ): { state: ScanState; points: number } => {
    const seriesId = query.seriesIds[state.index] ?? 0
    let { at = query.from, earlier, bucket } = state
    if (state.at === undefined && query.aggregate === 'rate') earlier = reader.findBefore(seriesId, query.from)
    for (let count = 0; ; ) {
      const { points, next } = reader.read(seriesId, at, query.to, limit - count)
      count += points.at.length
      bucket = values.add(points, bucket, earlier)
      earlier = lastOf(points) ?? earlier
      if (next === undefined) {
        values.close(bucket)
        return { state: startOf(state.index + 1), points: count }
      }
      at = next
      if (count >= limit) return { state: { index: state.index, at, earlier, bucket }, points: count }
    }
  }

  const scan: PointScanner = (query, start = startOf(0)) => {
    const buckets: BucketValues[] = []
    let points = 0
    let state = start
    while (state.index < query.seriesIds.length && points < STEP_POINTS) {
      const values = new BucketList(query)
      const seriesId = query.seriesIds[state.index] ?? 0
      const step = scanSeries(query, state, values, STEP_POINTS - points)
      buckets.push(...values.take(seriesId))
      points += step.points
      state = step.state
    }
    return { buckets, points, next: state.index < query.seriesIds.length ? state : undefined }
  }

  return (query, state) => {
    // A database in memory has one connection, whose transactions are of this thread.
    if (file.isTransaction) return scan(query, state)
    file.exec('begin')
    try {
      return scan(query, state)
    } finally {
      // SQLite has ended the transaction after some errors.
      if (file.isTransaction) file.exec('rollback')
    }
  }
}

function lastOf({ at, values }: Points): Point | undefined {
  const last = at.length - 1
  return last < 0 ? undefined : [at[last] ?? 0, values[last] ?? 0]
}

/** Begins a series. */
function startOf(index: number): ScanState {
  return { index, at: undefined, earlier: undefined, bucket: undefined }
}

/** Combines points of one series, sorted by time, to buckets. */
class BucketList {
  readonly #at: number[] = []
  readonly #values: number[] = []
  readonly #query: PointQuery

  constructor(query: PointQuery) {
    this.#query = query
  }

  /** Adds points, first to the open bucket. Returns the last bucket, which stays open. */
  add({ at: times, values }: Points, open: OpenBucket | undefined, earlier: Point | undefined): OpenBucket | undefined {
    const { step } = this.#query
    let bucket = open
    let end = bucket === undefined ? Number.NEGATIVE_INFINITY : bucket.at + step
    let [previousAt, previous] = earlier ?? [Number.NaN, Number.NaN]
    for (let index = 0; index < times.length; index += 1) {
      const [at, value] = [times[index] ?? 0, values[index] ?? 0]
      if (bucket === undefined || at >= end) {
        this.close(bucket)
        bucket = startBucket(bucketOf(at, step))
        end = bucket.at + step
      }
      bucket.count += 1
      bucket.sum += value
      if (value < bucket.min) bucket.min = value
      if (value > bucket.max) bucket.max = value
      bucket.last = value
      if (!Number.isNaN(previousAt)) {
        // A counter that decreased was reset and has counted from 0 since.
        bucket.growth += value >= previous ? value - previous : value
        bucket.elapsed += at - previousAt
      }
      previousAt = at
      previous = value
    }
    return bucket
  }

  /** Adds the value of a complete bucket. A sum that overflows is left out. */
  close(bucket: OpenBucket | undefined): void {
    if (bucket === undefined) return
    const value = resultOf(bucket, this.#query.aggregate)
    if (!Number.isFinite(value)) return
    this.#at.push(bucket.at)
    this.#values.push(value)
  }

  take(seriesId: number): BucketValues[] {
    if (this.#at.length === 0) return []
    return [{ seriesId, at: Float64Array.from(this.#at), values: Float64Array.from(this.#values) }]
  }
}

function startBucket(at: number): OpenBucket {
  const [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  return { at, count: 0, sum: 0, min, max, last: 0, growth: 0, elapsed: 0 }
}

/** Start of the bucket, rounded down, also before 1970. */
function bucketOf(at: number, step: number): number {
  return at - (((at % step) + step) % step)
}

/** Returns `NaN` for the rate of a first point, which has no growth. */
function resultOf(bucket: OpenBucket, aggregate: PointQuery['aggregate']): number {
  if (aggregate === 'avg') return bucket.sum / bucket.count
  if (aggregate === 'rate') return bucket.elapsed === 0 ? Number.NaN : (bucket.growth * 1000) / bucket.elapsed
  return bucket[aggregate]
}
