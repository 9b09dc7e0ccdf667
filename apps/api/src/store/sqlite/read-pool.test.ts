import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { afterAll, describe, expect, test } from 'vitest'
import { packAll } from '../../../test/pack-all.ts'
import { openStore } from '../open-store.ts'
import { createReadSession } from '../read-session.ts'
import { AGGREGATES, type PointQuery } from '../store.ts'
import type { ScanState, ScanStep } from './point-scan.ts'
import { createReadPool, createReadsInThread, type ReadPool } from './read-pool.ts'
import { createStorage } from './storage.ts'

const POINTS = 120_000

const folder = mkdtempSync(join(tmpdir(), 'rca-reads-'))
/** The same points as rows, and packed as far as blocks have room, until six hours before the last one. */
const [rowsPath, packedPath] = ['rows', 'packed'].map((name) => join(folder, `${name}.sqlite`)) as [string, string]
await (await openStore(`sqlite:${rowsPath}`)).close()
const file = new DatabaseSync(rowsPath)
file.exec(`
  insert into series (id, agent_key, fingerprint, name, entity_type, entity_id, attributes, unit, kind)
    select value, 1, value, 'n', 't', 'i', '{}', '1', 'gauge' from json_each('[1, 2, 3]');
  insert into points with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ${POINTS - 1})
    select 1, n * 1000, (n * 7) % 1000 from numbers;
  insert into points select series_id + 1, at + 500, value * 3 from points where at < 9000000;
  pragma wal_checkpoint(truncate)`)
copyFileSync(rowsPath, packedPath)
await packAll(packedPath, 20 * 3_600_000)
const storage = createStorage(rowsPath)
const pool = createReadPool(rowsPath, 1, storage)
const packedPool = createReadPool(packedPath, 1, createStorage(packedPath))

afterAll(async () => {
  await pool.close()
  await packedPool.close()
  file.close()
  rmSync(folder, { recursive: true })
})

const session = createReadSession(new AbortController().signal, 0)
const query: PointQuery = { seriesIds: [1, 2, 3], from: 0, to: POINTS * 1000, step: 3_600_000, aggregate: 'avg' }

/** Reads all steps of a query. */
async function scan(reads: ReadPool, wanted: PointQuery): Promise<ScanStep[]> {
  const steps: ScanStep[] = []
  for (let state: ScanState | undefined; steps.length === 0 || state !== undefined; ) {
    const step = await reads.scanPoints(wanted, state, session)
    steps.push(step)
    state = step.next
  }
  return steps
}

/** Returns the values of the series, as SQLite computes them. */
function compute({ aggregate, step, from, to }: PointQuery): unknown[] {
  const value =
    { last: 'max(at) as newest, value', rate: 'null' }[aggregate as string] ?? `${aggregate}(value) as value`
  const rows = file
    .prepare(
      `select series_id, at - at % ${step} as bucket, ${value} from points where at >= ${from} and at < ${to}
        group by 1, 2 order by 1, 2`,
    )
    .all()
  return rows.map((row) => [row.series_id, row.bucket, row.value])
}

function flatten(steps: readonly ScanStep[]): unknown[] {
  return steps
    .flatMap(({ buckets }) => buckets)
    .flatMap(({ seriesId, at, values }) => [...at].map((start, index) => [seriesId, start, values[index]]))
}

const RANGES = [
  [0, POINTS * 1000],
  [1, 5_000_001],
  [7_300_000, 7_300_001],
  [21_599_999, 43_200_001],
  [71_999_000, 72_001_000],
] as const

describe('questions in a thread', () => {
  test.each(AGGREGATES.filter((aggregate) => aggregate !== 'rate'))(
    'compute `%s` as SQLite does',
    async (aggregate) => {
      for (const [from, to] of RANGES) {
        const wanted = { ...query, aggregate, from, to }
        expect(flatten(await scan(pool, wanted))).toEqual(compute(wanted))
      }
    },
  )

  test.each(AGGREGATES)('compute `%s` of packed points as of rows', async (aggregate) => {
    const packed = new DatabaseSync(packedPath, { readOnly: true })
    const count = (table: string) => Number(packed.prepare(`select count(*) as count from ${table}`).get()?.count)
    // Three full blocks of the first series, one of the second one, and the rows that they have no room for.
    expect([count('points'), count('point_blocks')]).toEqual([POINTS + 9000 - 30_000 - 8999, 4])
    packed.close()
    for (const [from, to] of RANGES)
      for (const step of [1, 60_000, 3_600_000, 1_000_000_000]) {
        const wanted = { ...query, aggregate, from, to, step }
        if ((to - from) / step > 100_000) continue
        const [steps, expected] = [await scan(packedPool, wanted), await scan(pool, wanted)]
        expect(flatten(steps)).toEqual(flatten(expected))
        expect(steps.map(({ points }) => points)).toEqual(expected.map(({ points }) => points))
      }
  })

  test('read in steps, and go on within a bucket', async () => {
    const wanted = { ...query, step: 1_000_000_000 }
    const steps = await scan(pool, wanted)
    expect(steps.map(({ points }) => points)).toEqual([50_000, 50_000, 29_000])
    expect(flatten(steps)).toEqual(compute(wanted))
    const rate = await scan(pool, { ...wanted, aggregate: 'rate' })
    // The values go from 0 to 999 in steps of 7, and begin again below 7: each point grows by 7, or by its value.
    expect(flatten(rate)[0]).toEqual([1, 0, expect.closeTo(6.972, 2)])
    expect(flatten(await scan(createReadsInThread(file, storage), wanted))).toEqual(flatten(steps))
  })

  test('take turns with others: a short one does not wait for the end of a long one', async () => {
    const order: string[] = []
    const long = (async () => {
      for (let state: ScanState | undefined, step = 1; step < 4; step += 1) {
        state = (await pool.scanPoints(query, state, session)).next
        order.push(`step ${step}`)
      }
    })()
    const short = sql`select 1`.execute(pool.database(session)).then(() => order.push('short'))
    await Promise.all([long, short])
    expect(order).toEqual(['step 1', 'short', 'step 2', 'step 3'])
  })

  test('end with their signal, also while they wait for others', async () => {
    const controller = new AbortController()
    const left = createReadSession(controller.signal, 0)
    const running = pool.scanPoints(query, undefined, session)
    const waiting = pool.scanPoints(query, undefined, left)
    controller.abort(new Error('The caller has left.'))
    await expect(waiting).rejects.toThrow('The caller has left.')
    await expect(pool.scanPoints(query, undefined, left)).rejects.toThrow('The caller has left.')
    expect((await running).points).toBe(50_000)
  })

  test('fail with the error of SQLite, and leave the thread to others', async () => {
    const failing = sql`select * from missing`.execute(pool.database(session))
    await expect(failing).rejects.toMatchObject({ message: 'no such table: missing', code: 'ERR_SQLITE_ERROR' })
    const { rows } = await sql`select count(*) as count from points`.execute(pool.database(session))
    expect(rows).toEqual([{ count: POINTS + 9000 }])
  })

  test('cannot write', async () => {
    await expect(sql`delete from points`.execute(pool.database(session))).rejects.toThrow(
      'The database cannot be written.',
    )
  })
})
