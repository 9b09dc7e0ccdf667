import { setImmediate } from 'node:timers/promises'
import { sql, type Transaction } from 'kysely'
import { blockKey, indexOf, windowOf } from '../sqlite/point-blocks.ts'
import { unpackPoints } from '../sqlite/point-encoding.ts'
import type { Tables } from '../sqlite/tables.ts'

/** Blocks that are unpacked with one statement, in some milliseconds. Other work is served between two. */
const BATCH_SIZE = 100

/** Returns the points whose series and time no packed point has: a late report replaces none. */
export async function withoutPacked(
  transaction: Transaction<Tables>,
  points: readonly Tables['points'][],
): Promise<readonly Tables['points'][]> {
  const byBlock = [...Map.groupBy(points, ({ series_id, at }) => blockKey(series_id, windowOf(at)))]
  const packed = new Set<Tables['points']>()
  for (let start = 0; start < byBlock.length; start += BATCH_SIZE) {
    if (start > 0) await setImmediate()
    const batch = byBlock.slice(start, start + BATCH_SIZE)
    const { rows } = await sql<{ place: number; count: number; points: Uint8Array }>`
      select wanted.key as place, count, points
      from json_each(${`[${batch.map(([key]) => key)}]`}) as wanted
      join point_blocks on point_blocks.key = cast(wanted.value as integer)`.execute(transaction)
    for (const { place, ...block } of rows) {
      const { at: times } = unpackPoints(block.points, block.count)
      for (const point of batch[place]?.[1] ?? []) if (times[indexOf(times, point.at)] === point.at) packed.add(point)
    }
  }
  return packed.size === 0 ? points : points.filter((point) => !packed.has(point))
}
