import { setImmediate, setTimeout } from 'node:timers/promises'
import { type Kysely, sql, type Transaction } from 'kysely'
import { blockKey, MAX_BLOCK_POINTS, mergePoints, WINDOW_MS, windowOf } from './point-blocks.ts'
import { type Points, packPoints, unpackPoints } from './point-encoding.ts'
import type { Tables } from './tables.ts'

/** Age of a window that is packed. Later points of it are rows until the next run. */
const MIN_AGE_MS = 60 * 60_000

/** Time of one transaction, without its commit. */
const STEP_MS = 10

/** Pause after a step, as a multiple of its time: packing takes at most a third of this thread. */
const PAUSE_FACTOR = 2

/** Series that are searched for windows with one statement. It reads two pages of each, maybe from the disk. */
const SERIES_BATCH_SIZE = 50

/** Windows of one series that can be packed: from one time, until before another. */
interface PackableRange {
  readonly id: number
  readonly from: number
  readonly to: number
}

/** Packs points of windows that ended an hour before `newest`. Returns the number of rows that were packed. */
export type PointPacker = (newest: number, signal: AbortSignal) => Promise<number>

/**
 * Creates a function that packs all points of ended windows, except for the newest point of each series. It works in
 * small steps, between which requests are served: a step is one transaction, so that each point is always stored once.
 * It searches all series once for each window, and late points of it with the next one.
 */
export function createPointPacker(database: Kysely<Tables>): PointPacker {
  let done: number | undefined
  return async (newest, signal) => {
    const before = windowOf(newest - MIN_AGE_MS) * WINDOW_MS
    if (before === done) return 0
    const packed = await packBefore(database, before, signal)
    if (!signal.aborted) done = before
    return packed
  }
}

async function packBefore(database: Kysely<Tables>, before: number, signal: AbortSignal): Promise<number> {
  let packed = 0
  for (let after = 0; ; await setImmediate()) {
    const { ranges, last } = await findRanges(database, after, before)
    for (let queue: readonly PackableRange[] = ranges; queue.length > 0 && !signal.aborted; ) {
      const start = performance.now()
      const step = await database.transaction().execute((transaction) => packStep(transaction, queue))
      packed += step.packed
      queue = step.rest
      await setTimeout(PAUSE_FACTOR * (performance.now() - start))
    }
    if (last === undefined || signal.aborted) return packed
    after = last
  }
}

/** Finds the next series with points that can be packed. `last` is the last series that was searched. */
async function findRanges(
  database: Kysely<Tables>,
  after: number,
  before: number,
): Promise<{ ranges: readonly PackableRange[]; last: number | undefined }> {
  const { rows } = await sql<PackableRange & { from: number | null; to: number }>`
    select id, (select min(at) from points where series_id = id) as "from",
      min(${before}, (select max(at) from points where series_id = id)) as "to"
    from series where id > ${after} order by id limit ${SERIES_BATCH_SIZE}`.execute(database)
  return { ranges: rows.filter(({ from, to }) => from !== null && from < to), last: rows.at(-1)?.id }
}

/** Packs windows until the time of a step is over, at least one. Returns what remains. */
async function packStep(
  transaction: Transaction<Tables>,
  ranges: readonly PackableRange[],
): Promise<{ packed: number; rest: readonly PackableRange[] }> {
  const end = performance.now() + STEP_MS
  let packed = 0
  for (const [index, { id, from, to }] of ranges.entries())
    for (let at = from; at < to; ) {
      const first = await findFirst(transaction, id, at, to)
      if (first === undefined) break
      const window = windowOf(first)
      at = (window + 1) * WINDOW_MS
      packed += await packWindow(transaction, id, window, Math.min(at, to))
      if (performance.now() >= end) return { packed, rest: [{ id, from: at, to }, ...ranges.slice(index + 1)] }
    }
  return { packed, rest: [] }
}

async function findFirst(
  transaction: Transaction<Tables>,
  id: number,
  from: number,
  to: number,
): Promise<number | undefined> {
  const { rows } = await sql<{ at: number | null }>`
    select min(at) as at from points where series_id = ${id} and at >= ${from} and at < ${to}`.execute(transaction)
  return rows[0]?.at ?? undefined
}

/** Moves rows of a window into its block, as far as the block has room. Returns their number. */
async function packWindow(transaction: Transaction<Tables>, id: number, window: number, to: number): Promise<number> {
  const key = blockKey(id, window)
  const { rows: blocks } = await sql<{ count: number; points: Uint8Array }>`
    select count, points from point_blocks where key = ${key}`.execute(transaction)
  const [block] = blocks
  const room = MAX_BLOCK_POINTS - (block?.count ?? 0)
  if (room <= 0) return 0
  const { rows } = await sql<{ at: number; value: number }>`
    select at, value from points where series_id = ${id} and at >= ${window * WINDOW_MS} and at < ${to}
    order by at limit ${room}`.execute(transaction)
  const added = toPoints(rows)
  const points = block === undefined ? added : mergePoints(unpackPoints(block.points, block.count), added)
  // A question in this transaction finds each point in the block, in a row, or the same in both.
  await sql`insert into point_blocks (key, count, points) values (${key}, ${points.at.length}, ${packPoints(points)})
    on conflict (key) do update set count = excluded.count, points = excluded.points`.execute(transaction)
  await sql`delete from points where series_id = ${id} and at >= ${window * WINDOW_MS}
    and at <= ${rows.at(-1)?.at ?? 0}`.execute(transaction)
  return rows.length
}

function toPoints(rows: readonly { readonly at: number; readonly value: number }[]): Points {
  return {
    at: Float64Array.from(rows, ({ at }) => at),
    values: Float64Array.from(rows, ({ value }) => value),
  }
}
