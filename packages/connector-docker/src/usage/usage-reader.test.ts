import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { fakeEngine } from '../../test/fake-engine.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { createUsageReader } from './usage-reader.ts'

const running = new AbortController().signal
const measured = ['shop-web-1', 'plain', 'on-host', 'paused', 'sick', 'tty']

describe.each(engineNames)('createUsageReader: %s', (name) => {
  const of = captured(name)
  const containers = measured.map(of.container)

  test("reads control groups when they are visible, and the engine's stats otherwise", async () => {
    const engine = fakeEngine(of)
    const kernel = createUsageReader({ rootPath: of.root, info: of.info, engine })
    expect(kernel.source).toBe(`cgroup v${of.info.cgroupVersion}`)
    const fromKernel = await kernel.read(containers, running)
    expect([...fromKernel.keys()].toSorted()).toEqual(containers.map(({ id }) => id).toSorted())

    const remote = createUsageReader({ rootPath: temporaryDirectory().path, info: of.info, engine })
    expect(remote.source).toBe('engine')
    const fromEngine = await remote.read(containers, running)
    expect([...fromEngine.keys()].toSorted()).toEqual(containers.map(({ id }) => id).toSorted())
    for (const [id, usage] of fromEngine) expect(usage.memory.limit).toBe(engine.existing.get(id)?.limits.memory)
  })

  test("returns no network for a container on the host's network", async () => {
    const onHost = of.container('on-host')
    for (const rootPath of [of.root, temporaryDirectory().path]) {
      const usages = await createUsageReader({ rootPath, info: of.info, engine: fakeEngine(of) }).read(
        [onHost],
        running,
      )
      expect(usages.get(onHost.id)).toMatchObject({ networks: undefined })
    }
  })
})

describe('createUsageReader', () => {
  const of = captured(exactEngine)
  const containers = measured.map(of.container)
  const withoutGroups = () => ({ rootPath: temporaryDirectory().path, info: of.info })

  test('requests no stats for containers with control groups', async () => {
    const engine = fakeEngine(of)
    await createUsageReader({ rootPath: of.root, info: of.info, engine }).read(containers, running)
    expect(engine.requests).toEqual([])
  })

  test('requests stats for a container without control groups', async () => {
    const engine = fakeEngine(of)
    const root = temporaryDirectory(of.root)
    const plain = of.container('plain')
    for (const controller of ['cpu', 'cpuacct', 'memory', 'pids', 'blkio'])
      root.remove(`sys/fs/cgroup/${controller}/docker/${plain.id}`)
    const usages = await createUsageReader({ rootPath: root.path, info: of.info, engine }).read(containers, running)
    expect(engine.requests).toEqual([`stats ${plain.id}`])
    expect(usages.size).toBe(containers.length)
  })

  test("returns no network for a container that shares another's", async () => {
    const borrower = { ...of.container('shop-web-1'), networkMode: 'container:another' }
    const usages = await createUsageReader({ ...withoutGroups(), engine: fakeEngine(of) }).read([borrower], running)
    expect(usages.get(borrower.id)).toMatchObject({ networks: undefined, pids: 3 })
  })

  test('ignores control groups for Windows containers', () => {
    const usage = createUsageReader({ rootPath: of.root, info: { osType: 'windows' }, engine: fakeEngine(of) })
    expect(usage.source).toBe('engine')
  })

  test('returns the others when one container has ended or its stats fail', async () => {
    const [web, plain, sick] = [of.container('shop-web-1'), of.container('plain'), of.container('sick')]
    const engine = fakeEngine(of, {
      stats: async (id) => {
        if (id === web.id) return undefined
        if (id === sick.id) throw new Error('container is stopped')
        return of.stats('plain')
      },
    })
    const usages = await createUsageReader({ ...withoutGroups(), engine }).read([web, plain, sick], running)
    expect([...usages.keys()]).toEqual([plain.id])
  })

  test('rejects with the reason when nothing can be read', async () => {
    const engine = fakeEngine(of, { stats: () => Promise.reject(new Error('the engine hangs')) })
    const usage = createUsageReader({ ...withoutGroups(), engine })
    await expect(usage.read(containers, running)).rejects.toThrow('the engine hangs')
    expect(await usage.read([], running)).toEqual(new Map())
  })

  test('rejects on abort although some containers were read', async () => {
    const controller = new AbortController()
    const engine = fakeEngine(of, {
      stats: async (id) => {
        if (id === containers[0]?.id) return of.stats('shop-web-1')
        controller.abort(new Error('stopped'))
        throw controller.signal.reason
      },
    })
    await expect(createUsageReader({ ...withoutGroups(), engine }).read(containers, controller.signal)).rejects.toThrow(
      'stopped',
    )
  })

  test('limits concurrent stats requests', async () => {
    let [now, most] = [0, 0]
    const engine = fakeEngine(of, {
      stats: async () => {
        most = Math.max(most, ++now)
        await new Promise((resolve) => setImmediate(resolve))
        now -= 1
        return of.stats('plain')
      },
    })
    const many = Array.from({ length: 100 }, (_none, index) => ({ ...of.container('plain'), id: `${index}` }))
    expect((await createUsageReader({ ...withoutGroups(), engine }).read(many, running)).size).toBe(100)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThan(100)
  })
})

describe('createUsageReader: last memory', () => {
  const of = captured(exactEngine)
  const plain = of.container('plain')

  test('is kept with its time, even after the exit', async () => {
    let now = new Date('2026-11-25T00:00:00.000Z')
    const engine = fakeEngine(of)
    const usage = createUsageReader({ rootPath: temporaryDirectory().path, info: of.info, engine, now: () => now })
    expect(usage.lastMemory(plain.id)).toBeUndefined()
    const read = await usage.read([plain], running)
    const remembered = { usage: read.get(plain.id)?.memory.usage, at: now }
    expect(usage.lastMemory(plain.id)).toEqual(remembered)
    now = new Date('2026-11-25T00:00:30.000Z')
    await usage.read([], running)
    expect(usage.lastMemory(plain.id)).toEqual(remembered)
    await usage.read([plain], running)
    expect(usage.lastMemory(plain.id)).toMatchObject({ at: now })
  })

  test('is kept for a limited number of containers', async () => {
    const engine = fakeEngine(of, { stats: async () => of.stats('plain') })
    const usage = createUsageReader({ rootPath: temporaryDirectory().path, info: of.info, engine })
    const ids = Array.from({ length: 3000 }, (_none, index) => `${index}`)
    for (let at = 0; at < ids.length; at += 100)
      await usage.read(
        ids.slice(at, at + 100).map((id) => ({ ...plain, id })),
        running,
      )
    await usage.read([], running)
    const remembered = ids.filter((id) => usage.lastMemory(id) !== undefined)
    expect(remembered).toEqual(ids.slice(-1000))
  })

  test('is undefined when memory could not be read', async () => {
    const engine = fakeEngine(of, { stats: async () => ({ cpu_stats: { cpu_usage: { total_usage: 5 } } }) })
    const usage = createUsageReader({ rootPath: temporaryDirectory().path, info: of.info, engine })
    expect((await usage.read([plain], running)).size).toBe(1)
    expect(usage.lastMemory(plain.id)).toBeUndefined()
  })
})
