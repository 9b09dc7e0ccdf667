import { copyFileSync, existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { Kysely } from 'kysely'
import { v7 } from 'uuid'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import { createReadSession } from '../src/store/read-session.ts'
import { nodeSqlite } from '../src/store/sqlite/node-sqlite.ts'
import { createPointPacker } from '../src/store/sqlite/point-packing.ts'
import { StoreDialect } from '../src/store/sqlite/sqlite-dialect.ts'
import { createStorage } from '../src/store/sqlite/storage.ts'
import type { Tables } from '../src/store/sqlite/tables.ts'
import type { Store } from '../src/store/store.ts'
import { AGENT_URL, agentIdOf, DAY, metricOf, reportOf, START, startApi } from './kit.ts'
import { packAll } from './pack-all.ts'

const HOUR = 3_600_000
const iso = (milliseconds: number) => new Date(milliseconds).toISOString()
const { signal } = new AbortController()
const session = createReadSession(signal, 1e9)

const SENDER: Parameters<Store['agents']['heartbeat']>[0] = {
  ...{ kind: 'token', id: 1, created_at: START, expires_at: null },
  ...{ environment: 'e', agent_type: 'docker' },
}

async function createStore(url = 'sqlite::memory:'): Promise<Store> {
  const store = await openStore(url)
  onTestFinished(store.close)
  await store.access.provision(
    {
      ...{ environment: 'e', agent_type: 'docker', hash: 'h', created_at: START },
      ...{ joinable_until: null, max_agents: null },
    },
    { config: {}, withheld: [], limits: { ttlMs: null, uses: null } },
  )
  return store
}

/** Returns the points of the first series. */
async function pointsOf(store: Store): Promise<number[][]> {
  const query = { seriesIds: [1], from: START - 10 * DAY, to: START + 10 * DAY, step: 1, aggregate: 'last' } as const
  const parts = (await store.signals.points(query, session)).get(1) ?? []
  return parts.flatMap(({ at, values }) => [...at].map((time, index) => [time, values[index] ?? Number.NaN]))
}

/** Adds points of one series with a statement: `count` points, `stepMs` apart, until the start of the clock. */
function addPoints(path: string, count: number, stepMs: number): void {
  const file = new DatabaseSync(path)
  file.exec(`insert into points with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
    select 1, ${START} - n * ${stepMs}, n % 977 from numbers`)
  file.close()
}

function countOf(path: string, table: string, what = 'count(*)'): number {
  const file = new DatabaseSync(path, { readOnly: true })
  const count = file.prepare(`select ${what} as count from ${table}`).get()?.count
  file.close()
  return Number(count)
}

describe('packed points', () => {
  test('are those of a store that packs none, after late, repeated, dated and newer reports', async () => {
    const report = fc.record({
      sequence: fc.integer({ min: 1, max: 30 }),
      /** Hours before the start, and values. Several may have the same time. */
      points: fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 99 })), { maxLength: 6 }),
    })
    const step = fc.oneof({ weight: 3, arbitrary: report }, { weight: 1, arbitrary: fc.constant('pack' as const) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 25, size: 'max' }), async (steps) => {
        const [packing, plain] = [await createStore(), await createStore()]
        let packs = 0
        for (const one of [...steps, 'pack' as const])
          if (one === 'pack') {
            packs += 1
            const now = START + DAY + packs * 6 * HOUR
            const timestamp = iso(now)
            const other = reportOf({}, { agent_id: agentIdOf('other'), sequence: packs, timestamp })
            await packing.signals.write(SENDER, [other], now)
            await packing.pack(now, signal)
            expect(await pointsOf(packing)).toEqual(await pointsOf(plain))
          } else {
            const { sequence, points } = one
            const at = START + sequence * 1000
            const metrics = points.map(([hours, value]) => metricOf(value, { at: iso(START - hours * HOUR) }))
            const sent = reportOf({ metrics }, { sequence, timestamp: iso(at), report_id: v7({ msecs: at }) })
            for (const store of [packing, plain]) await store.signals.write(SENDER, [sent], START + DAY)
          }
        await Promise.all([packing.close(), plain.close()])
      }),
      { numRuns: 60 },
    )
  })

  test('are not replaced by a late report, and are by a newer one', async () => {
    const api = await startApi()
    const token = await api.provision()
    const send = (sequence: number, values: Record<number, number>) => {
      const timestamp = iso(START + sequence)
      const metrics = Object.entries(values).map(([hours, value]) =>
        metricOf(value, { at: iso(START - Number(hours) * HOUR) }),
      )
      return api.send(token, reportOf({ metrics }, { sequence, timestamp, report_id: v7({ msecs: START + sequence }) }))
    }
    await send(5, { 0: 1, 20: 2, 21: 3 })
    expect(await packAll(api.databasePath)).toBe(2)
    await send(3, { 20: 4, 22: 5 })
    await send(6, { 21: 6 })
    const stored = async () =>
      (
        await api.admin(
          `/api/v1/metrics?name=container.memory.usage&aggregate=last&step=1h&from=${iso(START - DAY)}&to=${iso(START + HOUR)}`,
        )
      )
        .json()
        .series[0].points.map(({ at, value }: { at: string; value: number }) => [
          (START - Date.parse(at)) / HOUR,
          value,
        ])
    const expected = [
      [22, 5],
      [21, 6],
      [20, 2],
      [0, 1],
    ]
    expect(await stored()).toEqual(expected)
    expect(await packAll(api.databasePath)).toBe(2)
    expect(await stored()).toEqual(expected)
    expect(await api.list(`${AGENT_URL}/metrics`)).toMatchObject([{ last: { at: iso(START), value: 1 } }])
  })

  test('are older than an hour and a window of six, by the newest report, and never the newest of a series', async () => {
    const api = await startApi()
    const token = await api.provision()
    const hours = [0, 1, 6, 7, 13]
    const metrics = hours.map((hour) => metricOf(hour, { at: iso(START - hour * HOUR) }))
    await api.send(token, reportOf({ metrics: [...metrics, metricOf(1, { name: 'old', at: iso(START - DAY) })] }))
    // The clock is wrong: no time passes without reports.
    api.clock.now += 365 * DAY
    await api.applyRetention()
    expect(countOf(api.databasePath, 'point_blocks', 'sum(count)')).toBe(2)
    const file = new DatabaseSync(api.databasePath, { readOnly: true })
    const rows = file.prepare('select (? - at) / 3600000 as hours from points order by at').all(START)
    file.close()
    expect(rows.map((row) => Number(row.hours))).toEqual([24, 6, 1, 0])
  })

  test('stay packed once when the platform is killed after any statement', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ metrics: [metricOf(1)] }))
    addPoints(api.databasePath, 3000, 30_000)
    const copies: string[] = []
    const file = new DatabaseSync(api.databasePath)
    const copy = (): void => {
      const name = `${api.databasePath}-killed-${copies.length}`
      for (const suffix of ['', '-wal'])
        if (existsSync(api.databasePath + suffix)) copyFileSync(api.databasePath + suffix, name + suffix)
      copies.push(name)
    }
    const plain = nodeSqlite(file)
    const prepare: typeof plain.prepare = (text) => {
      const statement = plain.prepare(text)
      const after = <Result>(result: Result): Result => {
        copy()
        return result
      }
      return {
        ...statement,
        all: (parameters) => after(statement.all(parameters)),
        run: (parameters) => after(statement.run(parameters)),
      }
    }
    const database = new Kysely<Tables>({
      dialect: new StoreDialect({ ...plain, prepare }, createStorage(api.databasePath)),
    })
    const total = countOf(api.databasePath, 'points')
    await createPointPacker(database)(Number.POSITIVE_INFINITY, signal)
    await database.destroy()
    expect(copies.length).toBeGreaterThan(20)
    const packed = copies.map((path) => {
      const killed = new DatabaseSync(path)
      const { rows = 0, inBlocks = 0 } = killed
        .prepare('select count(*) as rows, (select coalesce(sum(count), 0) from point_blocks) as inBlocks from points')
        .get() as { rows?: number; inBlocks?: number }
      killed.close()
      expect(rows + inBlocks).toBe(total)
      return inBlocks
    })
    expect([packed[0], packed.at(-1)]).toEqual([0, total - 1])
  })

  test('fill a block in a dense window, and the rest are rows', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ metrics: [metricOf(1)] }))
    addPoints(api.databasePath, 25_000, 10)
    expect(await packAll(api.databasePath)).toBe(10_000)
    expect(await packAll(api.databasePath)).toBe(0)
    const answer = await api.admin(
      `/api/v1/metrics?name=container.memory.usage&aggregate=sum&step=10m&from=${iso(START - HOUR)}&to=${iso(START)}`,
    )
    const expected = Array.from({ length: 25_000 }, (_, index) => (index + 1) % 977)
    expect(answer.json()).toMatchObject({ scanned: { points: 25_000 } })
    expect(answer.json().series[0].points).toEqual([
      { at: iso(START - 600_000), value: expected.reduce((sum, value) => sum + value, 0) },
    ])
  })

  test('are removed when their whole window is too old, and with their series and agent', async () => {
    const api = await startApi({ retention: '1d' })
    const token = await api.provision()
    const other = agentIdOf('other')
    const dated = (...hours: readonly number[]) => hours.map((hour) => metricOf(hour, { at: iso(START - hour * HOUR) }))
    await api.send(token, reportOf({ metrics: dated(1, 12, 20) }))
    await api.send(token, reportOf({ metrics: dated(1, 12, 20) }, { agent_id: other }))
    await api.applyRetention()
    const packed = () => countOf(api.databasePath, 'point_blocks', 'coalesce(sum(count), 0)')
    expect(packed()).toBe(4)
    await api.admin({ method: 'DELETE', url: `/api/v1/agents/${other}` })
    await api.applyRetention()
    expect(packed()).toBe(2)
    const pass = async (hours: number, metrics = dated()) => {
      api.clock.now = START + hours * HOUR
      const rest = { agent_id: agentIdOf('third'), timestamp: iso(api.clock.now), sequence: hours }
      await api.send(token, reportOf({ metrics }, rest))
      await api.applyRetention()
      return packed()
    }
    // Points of 20 hours ago are in the window that ended 18 hours ago.
    expect([await pass(5), await pass(6)]).toEqual([2, 1])
    expect(await pass(26)).toBe(0)
    expect(['points', 'series'].map((table) => countOf(api.databasePath, table))).toEqual([0, 0])
  })

  test('are packed in small steps, which end with their signal, and give space back to the disk', async () => {
    const api = await startApi()
    const token = await api.provision()
    await api.send(token, reportOf({ metrics: [metricOf(1)] }))
    addPoints(api.databasePath, 300_000, 4000)
    await api.close()
    const opened = await openStore(`sqlite:${api.databasePath}`)
    onTestFinished(opened.close)
    const full = opened.sizes().databaseBytes
    const ending = new AbortController()
    const first = opened.pack(START + DAY, ending.signal)
    let turns = 0
    while (countOf(api.databasePath, 'point_blocks') === 0) {
      turns += 1
      await setImmediate()
    }
    ending.abort()
    expect(turns).toBeGreaterThan(0)
    expect(await first).toBeLessThan(200_000)
    await opened.pack(START + DAY, signal)
    expect(countOf(api.databasePath, 'points')).toBeLessThan(30_000)
    expect(opened.sizes().databaseBytes).toBeLessThan(full)
    expect((await opened.findDamage(signal)).length).toBe(0)
  })
})
