import type { DatabaseSync } from 'node:sqlite'
import {
  blockKey,
  FIRST_WINDOW,
  indexOf,
  mergePoints,
  slicePoints,
  WINDOW_MS,
  WINDOW_SQL,
  windowOf,
} from './point-blocks.ts'
import { type Points, unpackPoints } from './point-encoding.ts'

/** Rows of one statement. */
const MAX_ROWS = 5000

/** Points that follow each other, and the time from which to read on. `undefined` at the end of the range. */
interface PointPart {
  readonly points: Points
  readonly next: number | undefined
}

/** Reads the points of a series, packed or not, in order of time. */
export interface PointReader {
  /** Returns the first points of a range, at most `limit`. A part may be empty before the end. */
  read(seriesId: number, from: number, to: number, limit: number): PointPart
  /** Returns the last point before a time. */
  findBefore(seriesId: number, at: number): Point | undefined
}

export type Point = readonly [at: number, value: number]

interface BlockRow {
  readonly window: number
  readonly count: number
  readonly points: Uint8Array
}

/** The statements of one call must see the same state: points may be packed between two of them. */
export function createPointReader(file: DatabaseSync): PointReader {
  const range = file.prepare(
    'select at, value from points where series_id = ? and at >= ? and at < ? order by at limit ?',
  )
  range.setReturnArrays(true)
  const before = file.prepare('select at, value from points where series_id = ? and at < ? order by at desc limit 1')
  before.setReturnArrays(true)
  const selectBlocks = (order: string): string => `
    select ${WINDOW_SQL} as window, count, points from point_blocks
    where key >= ? and key <= ? order by key ${order}`
  const nextBlock = file.prepare(`${selectBlocks('asc')} limit 1`)
  const lastBlocks = file.prepare(`${selectBlocks('desc')} limit 2`)

  const readRows = (seriesId: number, from: number, to: number, limit: number): Points =>
    toPoints(range.all(seriesId, from, to, limit) as unknown as Point[])

  /** Reads rows before a time that no block precedes. */
  const readOnlyRows = (seriesId: number, from: number, end: number, to: number, limit: number): PointPart => {
    const points = readRows(seriesId, from, end, limit)
    const next = points.at.length < limit ? end : afterLast(points)
    return { points, next: next < to ? next : undefined }
  }

  return {
    read: (seriesId, from, to, most) => {
      const limit = Math.min(most, MAX_ROWS)
      const block = nextBlock.get(blockKey(seriesId, windowOf(from)), blockKey(seriesId, windowOf(to - 1))) as
        | BlockRow
        | undefined
      const start = block === undefined ? to : block.window * WINDOW_MS
      if (block === undefined || start > from) return readOnlyRows(seriesId, from, start, to, limit)
      const rows = readRows(seriesId, from, Math.min(to, start + WINDOW_MS), limit)
      // Further rows may lie between the packed points after these.
      const end = rows.at.length < limit ? Math.min(to, start + WINDOW_MS) : afterLast(rows)
      const merged = mergePoints(slicePoints(unpackPoints(block.points, block.count), from, end), rows)
      const points = { at: merged.at.subarray(0, most), values: merged.values.subarray(0, most) }
      const next = merged.at.length > most ? afterLast(points) : end
      return { points, next: next < to ? next : undefined }
    },

    findBefore: (seriesId, at) => {
      const row = before.get(seriesId, at) as unknown as Point | undefined
      const blocks = lastBlocks.all(
        blockKey(seriesId, FIRST_WINDOW),
        blockKey(seriesId, windowOf(at)),
      ) as unknown as BlockRow[]
      for (const { window, count, points } of blocks) {
        if (row !== undefined && row[0] >= (window + 1) * WINDOW_MS) return row
        const packed = unpackPoints(points, count)
        const index = indexOf(packed.at, at) - 1
        const found: Point = [packed.at[index] ?? 0, packed.values[index] ?? 0]
        if (index >= 0) return row !== undefined && row[0] >= found[0] ? row : found
      }
      return row
    },
  }
}

/** Returns the first time after points. There is at least one. */
function afterLast({ at }: Points): number {
  return (at.at(-1) ?? 0) + 1
}

function toPoints(rows: readonly Point[]): Points {
  const [at, values] = [new Float64Array(rows.length), new Float64Array(rows.length)]
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index]
    at[index] = row?.[0] ?? 0
    values[index] = row?.[1] ?? 0
  }
  return { at, values }
}
