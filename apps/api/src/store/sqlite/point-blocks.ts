import { type RawBuilder, sql } from 'kysely'
import type { Points } from './point-encoding.ts'

/** Time of one block: long enough for many points in a block, short enough for few rows that are not yet packed. */
export const WINDOW_MS = 6 * 60 * 60_000

/** Points of a block. Further points of its window stay rows. */
export const MAX_BLOCK_POINTS = 10_000

/** Bits of the number of a window in the key of a block. A series and its window together have 63 bits. */
const WINDOW_BITS = 31n

/** Added to the number of a window, which is negative before 1970. */
const WINDOW_OFFSET = 1n << (WINDOW_BITS - 1n)

/** Returns the number of the window of a time. */
export function windowOf(at: number): number {
  return Math.floor(at / WINDOW_MS)
}

/** Returns the key of a block, which is too large for a `number`. */
export function blockKey(seriesId: number, window: number): bigint {
  return (BigInt(seriesId) << WINDOW_BITS) + BigInt(window) + WINDOW_OFFSET
}

/** SQL for the number of a block's window. */
export const WINDOW_SQL = `((key & ${(1n << WINDOW_BITS) - 1n}) - ${WINDOW_OFFSET})`

/** First window of all times. */
export const FIRST_WINDOW = windowOf(Number.MIN_SAFE_INTEGER)

/** Window after all times. */
export const END_WINDOW = windowOf(Number.MAX_SAFE_INTEGER) + 1

/** Selects the keys of the blocks of series with windows before one. */
export function selectBlockKeys(seriesIds: readonly number[], beforeWindow: number = END_WINDOW): RawBuilder<unknown> {
  const ranges = seriesIds.map((id) => `[${blockKey(id, FIRST_WINDOW)},${blockKey(id, beforeWindow)}]`)
  return sql`select point_blocks.key from json_each(${`[${ranges}]`}) as range cross join point_blocks
    where point_blocks.key >= cast(range.value ->> 0 as integer)
    and point_blocks.key < cast(range.value ->> 1 as integer)`
}

/** Merges points of one series. Those of `rows` win at the same time. */
export function mergePoints(packed: Points, rows: Points): Points {
  if (rows.at.length === 0) return packed
  if (packed.at.length === 0) return rows
  const size = packed.at.length + rows.at.length
  const [at, values] = [new Float64Array(size), new Float64Array(size)]
  let count = 0
  for (let left = 0, right = 0; left < packed.at.length || right < rows.at.length; count += 1) {
    const leftAt = packed.at[left] ?? Number.POSITIVE_INFINITY
    const rightAt = rows.at[right] ?? Number.POSITIVE_INFINITY
    at[count] = Math.min(leftAt, rightAt)
    values[count] = (rightAt <= leftAt ? rows.values[right] : packed.values[left]) ?? 0
    if (leftAt <= rightAt) left += 1
    if (rightAt <= leftAt) right += 1
  }
  return { at: at.subarray(0, count), values: values.subarray(0, count) }
}

/** Returns the points from one time until before another. */
export function slicePoints({ at, values }: Points, from: number, to: number): Points {
  const [start, end] = [indexOf(at, from), indexOf(at, to)]
  return { at: at.subarray(start, end), values: values.subarray(start, end) }
}

/** Returns the index of the first time that is not before another. */
export function indexOf(times: Float64Array, at: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}
