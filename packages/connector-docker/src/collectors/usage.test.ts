import { collectContext, pointsOf, runCollector } from '@rca/connector-testkit'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { type Captured, captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { usage } from './usage.ts'

const upNames = ['shop-web-1', 'plain', 'on-host', 'sick', 'tty', 'paused']

/** Replaces the monotonic clock with one that only the test moves, in milliseconds. */
function stoppedClock() {
  const clock = { now: 1000 }
  const spied = vi.spyOn(performance, 'now').mockImplementation(() => clock.now)
  onTestFinished(() => spied.mockRestore())
  return clock
}

describe.each(engineNames)('usage of %s', (name) => {
  const of = captured(name)

  test.each([
    ['control groups', () => of.root],
    ['the engine', () => temporaryDirectory().path],
  ])('collects running and paused containers only: from %s', async (_name, rootPath) => {
    const client = fakeClient(of, { config: { root_path: rootPath() } })
    const collected = await runCollector(usage, client)
    for (const container of of.containers()) {
      const its = pointsOf(collected, container.id)
      if (!upNames.includes(container.name)) expect(its, container.name).toEqual({})
      else
        expect(its, container.name).toMatchObject({
          'container.cpu.time{}': expect.any(Number),
          'container.memory.usage{}': expect.any(Number),
          'container.memory.working_set{}': expect.any(Number),
          'container.pids.count{}': expect.any(Number),
        })
    }
    expect(collected.gaps?.filter(Boolean)).toEqual([])
    expect(collected.entities).toEqual([])
    const limits = upNames.map((one) => pointsOf(collected, of.container(one).id)['container.memory.limit{}'])
    expect(limits).toEqual([64 * 1024 ** 2, undefined, undefined, undefined, undefined, undefined])
    expect(Object.keys(pointsOf(collected, of.container('on-host').id)).join()).not.toContain('network')
  })
})

test('usage collects exact values of one engine', async () => {
  const of = captured(exactEngine)
  const collected = await runCollector(usage, fakeClient(of))
  expect(pointsOf(collected, of.container('shop-web-1').id)).toEqual({
    'container.cpu.time{}': 1.559_470_351,
    'container.cpu.time{mode=user}': 1.45,
    'container.cpu.time{mode=system}': 0.1,
    'container.cpu.throttling_data.periods{}': 44,
    'container.cpu.throttling_data.throttled_periods{}': 24,
    'container.cpu.throttling_data.throttled_time{}': 0.668_088_766,
    'container.memory.usage{}': 8_069_120,
    'container.memory.working_set{}': 8_069_120,
    'container.memory.rss{}': 3_223_552,
    'container.memory.limit{}': 67_108_864,
    'container.memory.fails{}': 0,
    'container.pids.count{}': 3,
    'container.network.io{direction=receive,name=eth0}': 19_955,
    'container.network.io{direction=transmit,name=eth0}': 12_605_733,
    'container.network.packets{direction=receive,name=eth0}': 294,
    'container.network.packets{direction=transmit,name=eth0}': 337,
    'container.network.errors{direction=receive,name=eth0}': 0,
    'container.network.errors{direction=transmit,name=eth0}': 0,
    'container.network.dropped{direction=receive,name=eth0}': 0,
    'container.network.dropped{direction=transmit,name=eth0}': 0,
    'container.disk.io{direction=read,device=7:0}': 6_291_456,
    'container.disk.io{direction=write,device=7:0}': 4_194_304,
    'container.disk.operations{direction=read,device=7:0}': 40,
    'container.disk.operations{direction=write,device=7:0}': 64,
  })
})

test('usage reports no memory above the limit, which the kernel may exceed for a moment', async () => {
  const of = captured(exactEngine)
  const { id } = of.container('shop-web-1')
  const root = temporaryDirectory(of.root)
  root.write(`sys/fs/cgroup/memory/docker/${id}/memory.usage_in_bytes`, `${80 * 1024 ** 2}\n`)
  const points = pointsOf(await runCollector(usage, fakeClient(of, { config: { root_path: root.path } })), id)
  expect(points).toMatchObject({
    'container.memory.usage{}': 64 * 1024 ** 2,
    'container.memory.working_set{}': 64 * 1024 ** 2,
    'container.memory.limit{}': 64 * 1024 ** 2,
  })
})

describe('usage: container.cpu.usage', () => {
  const of = captured(exactEngine)
  const { id } = of.container('plain')

  /** Returns a container whose CPU time the test sets, in nanoseconds like the kernel. */
  function withCpuTime() {
    const root = temporaryDirectory(of.root)
    const client = fakeClient(of, { config: { root_path: root.path } })
    const context = collectContext()
    return {
      client,
      cpusAt: async (nanoseconds: number | undefined) => {
        const file = `sys/fs/cgroup/cpuacct/docker/${id}/cpuacct.usage`
        if (nanoseconds === undefined) root.remove(file)
        else root.write(file, `${nanoseconds}\n`)
        return pointsOf(await runCollector(usage, client, context), id)['container.cpu.usage{}']
      },
    }
  }

  test('is the average since the previous collection, absent in the first one', async () => {
    const clock = stoppedClock()
    const { cpusAt } = withCpuTime()
    expect(await cpusAt(5e9)).toBeUndefined()
    clock.now += 10_000
    expect(await cpusAt(20e9)).toBeCloseTo(1.5)
    clock.now += 30_000
    expect(await cpusAt(20e9)).toBe(0)
  })

  test('is absent after a restart, after an unreadable collection, and when no time has passed', async () => {
    const clock = stoppedClock()
    const { cpusAt } = withCpuTime()
    await cpusAt(5e9)
    clock.now += 10_000
    expect(await cpusAt(1e9)).toBeUndefined()
    clock.now += 10_000
    expect(await cpusAt(3e9)).toBeCloseTo(0.2)
    expect(await cpusAt(4e9)).toBeUndefined()
    clock.now += 10_000
    expect(await cpusAt(undefined)).toBeUndefined()
    clock.now += 10_000
    expect(await cpusAt(6e9)).toBeUndefined()
    clock.now += 10_000
    expect(await cpusAt(7e9)).toBeCloseTo(0.1)
  })
})

describe('usage: unreadable containers', () => {
  const of = captured(exactEngine)
  const plain = of.container('plain')

  /** Returns a client with one container that has neither control groups nor stats. */
  function unreadable(stats: () => Promise<undefined> = async () => undefined) {
    const engine = fakeEngine(of, { stats })
    engine.existing.clear()
    engine.existing.set(plain.id, plain)
    const client = fakeClient(of, { engine, config: { root_path: temporaryDirectory().path } })
    return { engine, client }
  }

  test('reports a gap for a running container', async () => {
    const { client } = unreadable()
    const collected = await runCollector(usage, client)
    expect(pointsOf(collected)).toEqual({})
    expect(collected.gaps?.filter(Boolean)).toEqual([
      { scope: 'container:plain', reason: expect.stringContaining('control groups') },
    ])
  })

  test.each([
    ['has ended', { ...plain, state: { ...plain.state, status: 'exited' } }],
    ['was removed', undefined],
  ])(
    'reports no gap for a container that %s in the meantime, and notices it by the next collection',
    async (_name, now) => {
      const { client, engine } = unreadable(async () => {
        if (now === undefined) engine.existing.delete(plain.id)
        else engine.existing.set(plain.id, now)
        return undefined
      })
      client.inventory.setFollowed(true)
      expect((await runCollector(usage, client)).gaps?.filter(Boolean)).toEqual([])
      engine.requests.length = 0
      await runCollector(usage, client)
      expect(engine.requests.filter((question) => question.startsWith('stats'))).toEqual([])
    },
  )

  test('reports a gap for a container whose stats fail, and collects the others', async () => {
    const engine = fakeEngine(of, {
      stats: async (id) => {
        if (id === plain.id) throw new Error('broken')
        return of.stats(engine.existing.get(id)?.name ?? '')
      },
    })
    const client = fakeClient(of, { engine, config: { root_path: temporaryDirectory().path } })
    const collected = await runCollector(usage, client)
    expect(collected.gaps?.filter(Boolean)).toMatchObject([{ scope: 'container:plain' }])
    expect(pointsOf(collected, of.container('tty').id)).toHaveProperty(['container.cpu.time{}'])
  })

  test('rejects when no container can be read', async () => {
    const { client } = unreadable(() => Promise.reject(new Error('the engine hangs')))
    await expect(runCollector(usage, client)).rejects.toThrow('the engine hangs')
  })
})

describe('usage: networks', () => {
  const of = captured(exactEngine)

  /** Returns the gaps when these files of the host are missing. */
  async function gapsWithout(unseen: (files: Captured) => string[], ...removed: string[]) {
    const root = temporaryDirectory(of.root)
    for (const file of unseen(of)) root.remove(file)
    const engine = fakeEngine(of)
    for (const name of removed) engine.existing.delete(of.container(name).id)
    const client = fakeClient(of, { engine, config: { root_path: root.path } })
    return (await runCollector(usage, client)).gaps?.filter(Boolean)
  }

  test('reports a gap that says what to mount when no network can be read', async () => {
    expect(await gapsWithout(() => ['proc'])).toEqual([
      { scope: 'container.network', reason: expect.stringContaining('`root_path`') },
    ])
  })

  test('reports no gap when one container lacks its network', async () => {
    expect(await gapsWithout(() => [`proc/${of.container('plain').state.pid}`])).toEqual([])
  })

  test("reports no gap when every container uses the host's network", async () => {
    expect(await gapsWithout(() => ['proc'], 'shop-web-1', 'plain', 'sick', 'tty', 'paused')).toEqual([])
  })
})
