import type { BucketValues } from '../records.ts'
import type { ScanState } from '../sqlite/point-scan.ts'
import type { ReadPool } from '../sqlite/read-pool.ts'
import type { SignalStore } from '../store.ts'

/** Reads points step by step, downsampled to one value per bucket. */
export function createPointReader(pool: ReadPool): SignalStore['points'] {
  return async (query, session) => {
    const bySeries = new Map<number, BucketValues[]>()
    for (let state: ScanState | undefined; ; ) {
      const { buckets, points, next } = await pool.scanPoints(query, state, session)
      for (const part of buckets) {
        const parts = bySeries.get(part.seriesId)
        if (parts === undefined) bySeries.set(part.seriesId, [part])
        else parts.push(part)
      }
      session.countPoints(points)
      if (next === undefined) return bySeries
      state = next
    }
  }
}
