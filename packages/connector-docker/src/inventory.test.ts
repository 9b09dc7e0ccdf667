import { describe, expect, test } from 'vitest'
import { type FakeEngine, fakeEngine } from '../test/fake-engine.ts'
import { captured, engineNames, exactEngine } from '../test/fixtures.ts'
import type { ContainerDetails } from './engine/engine-api.ts'
import { EngineError } from './engine/engine-error.ts'
import { createInventory } from './inventory.ts'

const running = new AbortController().signal
const wanted = (): boolean => true

/** Returns the ids of the containers that were inspected since the last call. */
function inspected(engine: FakeEngine): string[] {
  return engine.requests
    .splice(0)
    .flatMap((question) => /^container (.+)$/.exec(question)?.[1] ?? [])
    .toSorted()
}

function ids(containers: readonly ContainerDetails[]): string[] {
  return containers.map(({ id }) => id).toSorted()
}

/** Returns an inventory that follows the stream and has inspected every container. */
async function followed(engine: FakeEngine, now?: () => number) {
  const inventory = createInventory(engine, wanted, now)
  inventory.setFollowed(true)
  await inventory.containers(running)
  engine.requests.length = 0
  return inventory
}

const of = captured(exactEngine)
const plain = of.container('plain')
const web = of.container('shop-web-1')

/** Returns containers that do not exist on the engine. */
function many(count: number): ContainerDetails[] {
  return Array.from({ length: count }, (_none, index) => ({ ...plain, id: `many-${index}` }))
}

describe.each(engineNames)('Inventory: containers of %s', (name) => {
  test('returns containers in every state', async () => {
    const engine = fakeEngine(captured(name))
    const containers = await createInventory(engine, wanted).containers(running)
    expect(ids(containers)).toEqual([...engine.existing.keys()].toSorted())
    expect(containers.map((container) => container.name)).toEqual(expect.arrayContaining(['created', 'paused', 'oom']))
  })
})

describe('Inventory: followed stream', () => {
  test('sends no requests without changes', async () => {
    const engine = fakeEngine()
    const inventory = await followed(engine)
    expect(ids(await inventory.containers(running))).toEqual([...engine.existing.keys()].toSorted())
    expect(engine.requests).toEqual([])
  })

  test('does not wait for a list that another caller requested of an engine that hangs', async () => {
    const never = new Promise<never>(() => undefined)
    let isHanging = false
    const engine: FakeEngine = fakeEngine(of, {
      containers: async () =>
        isHanging
          ? never
          : [...engine.existing.values()].map(({ id, state }) => ({ id, state: state.status, status: '' })),
    })
    const inventory = await followed(engine)
    isHanging = true
    void inventory.listContainers(running, 0)
    expect(ids(await inventory.containers(running))).toEqual([...engine.existing.keys()].toSorted())
  })

  test('inspects changed containers only', async () => {
    const engine = fakeEngine()
    const inventory = await followed(engine)
    engine.existing.set(plain.id, { ...plain, name: 'renamed' })
    engine.existing.set('new', { ...plain, id: 'new', name: 'new' })
    inventory.markChanged(plain.id)
    inventory.markChanged('new')
    const containers = await inventory.containers(running)
    expect(engine.requests).not.toContain('containers')
    expect(inspected(engine)).toEqual([plain.id, 'new'].toSorted())
    expect(containers.map((container) => container.name)).toEqual(expect.arrayContaining(['renamed', 'new']))
  })

  test('lists every 5 seconds, and inspects differing containers only', async () => {
    let time = 0
    const engine = fakeEngine()
    const inventory = await followed(engine, () => time)
    await inventory.containers(running)
    time += 4_999
    await inventory.listContainers(running)
    expect(engine.requests).toEqual([])

    engine.existing.set(plain.id, { ...plain, state: { ...plain.state, status: 'exited' } })
    engine.existing.set('new', { ...plain, id: 'new' })
    engine.existing.delete(web.id)
    time += 1
    const containers = await inventory.listContainers(running)
    expect(engine.requests).toContain('containers')
    expect(inspected(engine)).toEqual([plain.id, 'new'].toSorted())
    expect(ids(containers)).toEqual([...engine.existing.keys()].toSorted())

    time += 1
    await inventory.listContainers(running)
    expect(engine.requests).toEqual([])
  })

  test.each([
    ['Up 4 seconds', true],
    ['Up Less than a second', true],
    ['Up About a minute (healthy)', true],
    ['Up 10 minutes', false],
    ['Up 9 minutes (Paused)', false],
    ['', false],
  ])('inspects a container that runs since 10 minutes and is listed as `%s`: %s', async (status, isInspected) => {
    const now = Date.parse('2026-11-25T00:10:00Z')
    const startedAt = '2026-11-25T00:00:00Z'
    const running = { ...plain, state: { ...plain.state, status: 'running', startedAt } }
    expect(await isInspectedAs(running, status, now)).toBe(isInspected)
  })

  test.each([
    ['Exited (1) 10 minutes ago', false],
    ['Exited (0) 10 minutes ago', true],
    ['Exited (1) 3 seconds ago', true],
    ['Exited (1) About an hour ago', false],
  ])('inspects a container that ended 10 minutes ago and is listed as `%s`: %s', async (status, isInspected) => {
    const now = Date.parse('2026-11-25T00:10:00Z')
    const state = { ...plain.state, status: 'exited', exitCode: 1, finishedAt: '2026-11-25T00:00:00Z' }
    expect(await isInspectedAs({ ...plain, state }, status, now)).toBe(isInspected)
  })

  /** Returns whether a container is inspected when it is listed with this status. */
  async function isInspectedAs(container: ContainerDetails, status: string, now: number): Promise<boolean> {
    const rows = async () => [{ id: container.id, state: container.state.status, status }]
    const engine = fakeEngine(of, { containers: rows })
    engine.existing.set(container.id, container)
    const inventory = await followed(engine, () => now)
    await inventory.listContainers(running, 0)
    return inspected(engine).length > 0
  }

  test('inspects a container again that changed during the inspection', async () => {
    let inspections = 0
    const engine = fakeEngine(of, {
      container: async (id) => {
        inspections += 1
        if (inspections === 1) inventory.markChanged(id)
        return plain
      },
    })
    const inventory = createInventory(engine, wanted)
    await inventory.inspect(plain.id, running)
    inventory.setFollowed(true)
    engine.existing.clear()
    engine.existing.set(plain.id, plain)
    await inventory.containers(running)
    expect(inspections).toBe(2)
  })
})

describe('Inventory: no stream', () => {
  test('lists and inspects everything each time', async () => {
    const engine = fakeEngine()
    const inventory = createInventory(engine, wanted)
    for (let round = 0; round < 2; round += 1) {
      await inventory.containers(running)
      expect(engine.requests.filter((question) => question === 'containers')).toHaveLength(1)
      expect(inspected(engine)).toEqual([...engine.existing.keys()].toSorted())
    }
  })

  test('lists when the stream is followed again, and when it breaks', async () => {
    const engine = fakeEngine()
    const inventory = await followed(engine)
    for (const isFollowed of [false, true]) {
      engine.existing.set(`new ${isFollowed}`, { ...plain, id: `new ${isFollowed}` })
      inventory.setFollowed(isFollowed)
      expect(ids(await inventory.containers(running))).toEqual([...engine.existing.keys()].toSorted())
    }
    engine.requests.length = 0
    inventory.setFollowed(true)
    await inventory.containers(running)
    expect(engine.requests).toEqual([])
  })
})

describe('Inventory: removed containers', () => {
  test('keeps the last inspection of a removed container', async () => {
    const engine = fakeEngine()
    const inventory = await followed(engine)
    engine.existing.delete(plain.id)
    inventory.markChanged(plain.id)
    expect(ids(await inventory.containers(running))).not.toContain(plain.id)
    expect(inventory.lastKnown(plain.id)).toEqual(plain)
    expect(await inventory.inspect(plain.id, running)).toBeUndefined()
    expect(inventory.lastKnown(plain.id)).toEqual(plain)
    expect(inventory.lastKnown('never seen')).toBeUndefined()
  })

  test('does not restore a removed container from a late answer', async () => {
    const engine = fakeEngine(of, {
      container: async (id) => {
        if (id === plain.id) inventory.markRemoved(id)
        return engine.existing.get(id)
      },
    })
    const inventory = createInventory(engine, wanted)
    inventory.setFollowed(true)
    expect(ids(await inventory.containers(running))).not.toContain(plain.id)
    expect(ids(await inventory.containers(running))).not.toContain(plain.id)
  })

  test('limits the number of removed containers', async () => {
    const engine = fakeEngine()
    const inventory = createInventory(engine, wanted)
    engine.existing.clear()
    for (const container of many(300)) engine.existing.set(container.id, container)
    await inventory.containers(running)
    engine.existing.clear()
    await inventory.containers(running)
    const remembered = many(300).filter(({ id }) => inventory.lastKnown(id) !== undefined)
    expect(remembered).toHaveLength(256)
    // Removed containers that were never inspected count as well.
    for (const { id } of many(600).slice(300)) inventory.markRemoved(id)
    expect(many(600).filter(({ id }) => inventory.lastKnown(id) !== undefined)).toEqual([])
  })

  test('keeps a container that was created during a list', async () => {
    const engine = fakeEngine(of, {
      containers: async () => {
        const rows = [...engine.existing.values()].map(({ id, state }) => ({ id, state: state.status, status: '' }))
        if (!engine.existing.has('new')) {
          engine.existing.set('new', { ...plain, id: 'new', name: 'new' })
          await inventory.inspect('new', running)
        }
        return rows
      },
    })
    const inventory = createInventory(engine, wanted)
    expect(ids(await inventory.containers(running))).toContain('new')
    expect(ids(await inventory.containers(running))).toContain('new')
  })
})

describe('Inventory: failures', () => {
  test('rejects, and inspects the remaining containers next time', async () => {
    let isBroken = true
    const engine = fakeEngine(of, {
      container: async (id) => {
        if (isBroken && id === plain.id) throw new Error('the engine hangs')
        return engine.existing.get(id)
      },
    })
    const inventory = createInventory(engine, wanted)
    inventory.setFollowed(true)
    await expect(inventory.containers(running)).rejects.toThrow('the engine hangs')
    isBroken = false
    const first = new Set(inspected(engine))
    expect(ids(await inventory.containers(running))).toEqual([...engine.existing.keys()].toSorted())
    const again = inspected(engine)
    expect(again).toContain(plain.id)
    expect(again.length).toBeLessThan(first.size)
  })

  test('does not take a failed list for an empty one', async () => {
    let isBroken = false
    const engine = fakeEngine(of, {
      containers: async () => {
        if (isBroken) throw new Error('no engine')
        return [...engine.existing.values()].map(({ id, state }) => ({ id, state: state.status, status: '' }))
      },
    })
    const inventory = createInventory(engine, wanted)
    const before = ids(await inventory.containers(running))
    isBroken = true
    await expect(inventory.containers(running)).rejects.toThrow('no engine')
    isBroken = false
    expect(ids(await inventory.containers(running))).toEqual(before)
  })

  test('does not pass the failure of one caller on to the next', async () => {
    const engine = fakeEngine(of, {
      container: async (id, signal) => {
        signal.throwIfAborted()
        return engine.existing.get(id)
      },
    })
    const inventory = createInventory(engine, wanted)
    const [aborted, other] = await Promise.allSettled([
      inventory.containers(AbortSignal.abort(new Error('stopped'))),
      inventory.containers(running),
    ])
    expect(aborted).toMatchObject({ status: 'rejected', reason: { message: 'stopped' } })
    expect(other).toMatchObject({ status: 'fulfilled' })
  })
})

test('Inventory serializes concurrent callers', async () => {
  const engine = fakeEngine()
  const inventory = createInventory(engine, wanted)
  inventory.setFollowed(true)
  const answers = await Promise.all([1, 2, 3].map(() => inventory.containers(running)))
  expect(engine.requests.filter((question) => question === 'containers')).toHaveLength(1)
  expect(inspected(engine)).toEqual([...engine.existing.keys()].toSorted())
  expect(new Set(answers.map((answer) => answer.length))).toEqual(new Set([engine.existing.size]))
})

test('Inventory limits concurrent inspections', async () => {
  let [now, most] = [0, 0]
  const engine = fakeEngine(of, {
    container: async (id) => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now -= 1
      return engine.existing.get(id)
    },
  })
  for (const container of many(50)) engine.existing.set(container.id, container)
  await createInventory(engine, wanted).containers(running)
  expect(most).toBe(4)
})

test('Inventory caches excluded containers, but does not return them', async () => {
  const engine = fakeEngine()
  const inventory = createInventory(engine, (name) => name !== 'plain')
  const names = (await inventory.containers(running)).map(({ name }) => name)
  expect(names).toContain('shop-web-1')
  expect(names).not.toContain('plain')
  expect(inventory.lastKnown(plain.id)).toEqual(plain)
  expect(inventory.isIncluded('plain')).toBe(false)
})

describe('Inventory: images', () => {
  test('requests an image once until images change', async () => {
    const engine = fakeEngine()
    const inventory = await followed(engine)
    const question = `image ${plain.imageId}`
    for (let round = 0; round < 3; round += 1)
      expect(await inventory.image(plain.imageId, running)).toMatchObject({ tags: ['busybox:local'] })
    expect(await inventory.image('sha256:removed', running)).toBeUndefined()
    expect(await inventory.image('sha256:removed', running)).toBeUndefined()
    expect(engine.requests.splice(0)).toEqual([question, 'image sha256:removed'])
    inventory.markImagesChanged()
    await inventory.image(plain.imageId, running)
    expect(engine.requests).toEqual([question])
  })

  test('requests images each time without a stream', async () => {
    const engine = fakeEngine()
    const inventory = createInventory(engine, wanted)
    for (let round = 0; round < 2; round += 1) {
      await inventory.containers(running)
      await inventory.image(plain.imageId, running)
    }
    expect(engine.requests.filter((question) => question.startsWith('image '))).toHaveLength(2)
  })

  test('requests an image again after a failure', async () => {
    let isBroken = true
    const engine = fakeEngine(of, {
      image: async () => {
        if (isBroken) throw new Error('no engine')
        return undefined
      },
    })
    const inventory = await followed(engine)
    await expect(inventory.image('sha256:a', running)).rejects.toThrow('no engine')
    isBroken = false
    expect(await inventory.image('sha256:a', running)).toBeUndefined()
    expect(engine.requests).toHaveLength(2)
  })
})

describe('Inventory: unreadable containers', () => {
  const failure = new EngineError('answered 500', { status: 500 })
  const broken = (error: Error) =>
    fakeEngine(of, {
      container: async (id) => {
        if (id === plain.id) throw error
        return engineOf.container(id, running)
      },
    })
  const engineOf = fakeEngine(of)

  test('lists an unreadable container with the reason, and returns the others', async () => {
    const inventory = createInventory(broken(failure), wanted)
    const containers = await inventory.containers(running)
    expect(ids(containers)).toEqual([...engineOf.existing.keys()].filter((id) => id !== plain.id).toSorted())
    expect(inventory.unreadable()).toEqual([{ id: plain.id, reason: 'answered 500' }])
    inventory.markRemoved(plain.id)
    expect(inventory.unreadable()).toEqual([])
  })

  test('rejects when the engine does not answer at all', async () => {
    const inventory = createInventory(broken(new EngineError('no engine answers')), wanted)
    await expect(inventory.containers(running)).rejects.toThrow('no engine answers')
    expect(inventory.unreadable()).toEqual([])
  })
})
