import { describe, expect, test } from 'vitest'
import { changed, containerEvent, handleEvent } from '../../test/engine-events.ts'
import { type FakeClientParts, fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { canary, captured } from '../../test/fixtures.ts'
import { heapUsed } from '../../test/heap.ts'
import type { DockerClient } from '../docker-client.ts'
import type { EngineApi } from '../engine/engine-api.ts'
import { handleContainerEvent } from './container-events.ts'
import { parseMessage } from './engine-message.ts'

const of = captured()
const web = of.container('shop-web-1')
const sick = of.container('sick')
const moment = '2026-11-25T00:00:01.5Z'
const { signal } = new AbortController()

/** Returns a client that has inspected every container. */
async function knowing(parts: Partial<EngineApi> = {}, clientParts: FakeClientParts = {}): Promise<DockerClient> {
  const client = fakeClient(of, { engine: fakeEngine(of, parts), ...clientParts })
  await client.inventory.containers(signal)
  return client
}

describe('handleContainerEvent', () => {
  test.each<[string, Readonly<Record<string, string>>, string, string, Readonly<Record<string, unknown>>]>([
    ['create', {}, 'container.created', 'was created', { 'container.image.id': web.imageId }],
    ['start', {}, 'container.started', 'was started', { 'container.image.tags': ['busybox:local'] }],
    ['kill', { signal: '15' }, 'container.killed', 'was sent SIGTERM', { 'container.signal': 'SIGTERM' }],
    ['kill', { signal: '11' }, 'container.killed', 'was sent SIGSEGV', { 'container.signal': 'SIGSEGV' }],
    ['stop', {}, 'container.stopped', 'was stopped by request', {}],
    ['restart', {}, 'container.restarted', 'was restarted by request', {}],
    ['pause', {}, 'container.paused', 'was paused', {}],
    ['unpause', {}, 'container.unpaused', 'was resumed', {}],
    ['destroy', {}, 'container.removed', 'was removed', { 'container.image.name': 'busybox:local' }],
    ['rename', { oldName: '/old' }, 'container.renamed', 'was renamed from old', { 'container.previous_name': 'old' }],
  ])('reports %s', async (action, more, name, what, attributes) => {
    expect(await handleEvent(containerEvent(action, web, moment, more), await knowing())).toMatchObject([
      {
        id: `docker/1795564801500000000/${web.id}/${action}`,
        name,
        at: '2026-11-25T00:00:01.500Z',
        severity: 'info',
        entity: { type: 'container', id: web.id },
        body: `Container shop-web-1 ${what}`,
        attributes: {
          'container.id': web.id,
          'container.name': 'shop-web-1',
          'docker.compose.project': 'shop',
          'docker.compose.service': 'web',
          ...attributes,
        },
      },
    ])
  })

  test.each(['podman-4', 'podman-5'])('reports a restart by request, and none by the policy: %s', async (name) => {
    const podman = captured(name)
    const client = fakeClient(podman)
    await client.inventory.containers(signal)
    const bodies: string[] = []
    for (const event of podman.events().filter(({ type }) => type === 'container')) {
      const describe = handleContainerEvent(parseMessage(event), client)
      if (event.action === 'restart')
        for (const reported of (await describe?.(signal)) ?? []) bodies.push(`${reported?.body}`)
    }
    expect(podman.text('events.jsonl')).toMatch(/"Action":"restart".*"name":"looping"/)
    expect(bodies).toEqual(['Container shop-web-1 was restarted by request'])
  })

  test('reports an OOM kill as critical, with the limit', async () => {
    const waited = AbortSignal.abort()
    expect(await handleEvent(containerEvent('oom', web, moment), await knowing(), waited)).toMatchObject([
      {
        name: 'container.oom',
        severity: 'critical',
        body: 'Container shop-web-1 ran out of memory: the kernel killed a process in it',
        attributes: { 'container.limit.memory': 67_108_864 },
      },
    ])
  })

  test.each([
    'exec_create: sh -c id',
    'exec_start: sh -c id',
    'exec_die',
    'exec_detach',
    'attach',
    'detach',
    'top',
    'copy',
    'archive-path',
    'extract-to-dir',
    'export',
    'commit',
    'resize',
    'prune',
    'init',
    'cleanup',
    'unheard-of',
  ])('does not report %s', async (action) => {
    expect(handleContainerEvent(parseMessage(containerEvent(action, web, moment)), await knowing())).toBeUndefined()
  })

  test.each(['create', 'start', 'die', 'destroy'])('reports %s although the engine does not answer', async (action) => {
    const unavailable = async () => Promise.reject(new Error('the engine stopped'))
    const client = fakeClient(of, {
      engine: fakeEngine(of, { container: unavailable, image: unavailable, logs: unavailable }),
    })
    expect(await handleEvent(containerEvent(action, web, moment, { exitCode: '0' }), client)).toMatchObject([
      { attributes: { 'container.name': 'shop-web-1', 'container.image.name': 'busybox:local' } },
    ])
  })
})

test('handleContainerEvent keeps little of each removed container', async () => {
  const engine = fakeEngine(of)
  const client = fakeClient(of, { engine })
  const run = async (from: number, to: number): Promise<void> => {
    for (let number = from; number < to; number += 1) {
      const container = { ...structuredClone(web), id: String(number).padStart(64, 'a'), name: `short-${number}` }
      engine.existing.set(container.id, container)
      for (const action of ['create', 'start']) await handleEvent(containerEvent(action, container, moment), client)
      await handleEvent(containerEvent('die', container, moment, { exitCode: '0' }), client)
      engine.existing.delete(container.id)
      await handleEvent(containerEvent('destroy', container, moment), client)
      engine.requests.length = 0
    }
  }
  await run(0, 1_000)
  const before = heapUsed()
  await run(1_000, 11_000)
  // Sequence numbers and times of 10,000 containers; the details of one alone would be more.
  expect((heapUsed() - before) / 10_000).toBeLessThan(1_000)
})

test.each([
  ['kill', 'container.killed', 'Container sick was sent a signal'],
  ['rename', 'container.renamed', 'Container sick was renamed'],
])("handleContainerEvent reports Podman's %s, without the fields that it lacks", async (action, name, body) => {
  const [event] = await handleEvent(containerEvent(action, sick, moment), await knowing())
  expect(event).toMatchObject({ name, body })
  expect(JSON.stringify(event)).not.toMatch(/undefined|null/)
})

describe('handleContainerEvent: health', () => {
  test('reports an unhealthy container as a warning, with the output and without secrets', async () => {
    const [event] = await handleEvent(containerEvent('health_status: unhealthy', sick, moment), await knowing())
    expect(event).toMatchObject({
      name: 'container.health_changed',
      severity: 'warning',
      body: 'Container sick is unhealthy',
      attributes: { 'container.health': 'unhealthy', 'container.health.output': 'token=[redacted]\n' },
    })
    expect(event?.attributes['container.health.failing_streak']).toBeGreaterThan(0)
    expect(JSON.stringify(event)).not.toContain(canary)
  })

  test("limits the output and removes the container's own secrets", async () => {
    const state = { health: { status: 'unhealthy', failingStreak: 3, lastOutput: `canary-a ${'x'.repeat(100_000)}` } }
    const environment = ['DB_PASSWORD=canary-a']
    const engine = { container: async () => changed(sick, { state, environment }) }
    const [event] = await handleEvent(containerEvent('health_status: unhealthy', sick, moment), await knowing(engine))
    const output = String(event?.attributes['container.health.output'])
    expect(output).toMatch(/^\[redacted\] x+$/)
    expect(output.length).toBeLessThan(5000)
  })

  test('reports a healthy container as info, without output', async () => {
    const [event] = await handleEvent(containerEvent('health_status: healthy', sick, moment), await knowing())
    expect(event).toMatchObject({
      severity: 'info',
      body: 'Container sick is healthy',
      attributes: { 'container.health': 'healthy' },
    })
    expect(event?.attributes).not.toHaveProperty(['container.health.output'])
  })

  test('reports changes and the first result after a start, rather than every check', async () => {
    const client = await knowing()
    const reported: number[] = []
    for (const action of ['starting', 'healthy', 'healthy', 'unhealthy', 'unhealthy', 'healthy', 'start', 'healthy'])
      reported.push(
        (
          await handleEvent(
            containerEvent(action.replace(/^.*y$|^starting$/, 'health_status: $&'), sick, moment),
            client,
          )
        ).length,
      )
    expect(reported).toEqual([0, 1, 0, 1, 0, 1, 1, 1])
  })

  test('reports a container that no longer exists', async () => {
    const event = containerEvent('health_status: unhealthy', { ...sick, id: 'removed' }, moment)
    expect(await handleEvent(event, await knowing())).toMatchObject([
      { attributes: { 'container.health': 'unhealthy' } },
    ])
  })
})

describe('handleContainerEvent: excluded containers', () => {
  test.each(['create', 'start', 'die', 'oom', 'kill', 'rename', 'update', 'destroy'])(
    'does not report %s',
    async (action) => {
      const client = await knowing({}, { config: { exclude_containers: ['shop-*'] } })
      expect(handleContainerEvent(parseMessage(containerEvent(action, web, moment)), client)).toBeUndefined()
      expect(handleContainerEvent(parseMessage(containerEvent(action, sick, moment)), client)).toBeDefined()
    },
  )
})

describe('handleContainerEvent: state', () => {
  test("marks only the event's container as changed", async () => {
    const engine = fakeEngine(of)
    const client = fakeClient(of, { engine })
    client.inventory.setFollowed(true)
    await client.inventory.containers(signal)
    engine.requests.length = 0
    handleContainerEvent(parseMessage(containerEvent('pause', web, moment)), client)
    await client.inventory.containers(signal)
    expect(engine.requests).toEqual([`container ${web.id}`])
  })

  test('removes a container and reports the removal once', async () => {
    const engine = fakeEngine(of)
    const client = fakeClient(of, { engine })
    client.inventory.setFollowed(true)
    await client.inventory.containers(signal)
    const destroyed = containerEvent('destroy', web, moment)
    expect(await handleEvent({ ...destroyed, isInferred: true }, client)).toMatchObject([{ name: 'container.removed' }])
    const ids = (await client.inventory.containers(signal)).map(({ id }) => id)
    expect(ids).not.toContain(web.id)
    expect(ids).toContain(sick.id)
    const late = containerEvent('destroy', web, '2026-11-25T00:00:01.9Z')
    expect(await handleEvent(late, client)).toEqual([])
  })

  test.each(['create', 'start', 'die'])('reports an inferred %s once', async (action) => {
    const client = await knowing()
    const inferred = { ...containerEvent(action, web, moment, { exitCode: '0' }), isInferred: true as const }
    expect(await handleEvent(inferred, client)).toHaveLength(1)
    const late = containerEvent(action, web, '2026-11-25T00:00:01.52Z', { exitCode: '0' })
    expect(await handleEvent(late, client)).toEqual([])
    const another = containerEvent(action, web, '2026-11-25T00:00:01.53Z', { exitCode: '0' })
    expect(await handleEvent(another, client)).toHaveLength(1)
  })

  test('keeps the state of a run although the next run begins before the exit is described', async () => {
    const client = await knowing()
    await handleEvent(containerEvent('kill', web, moment, { signal: '15' }), client)
    const describeEnd = handleContainerEvent(
      parseMessage(containerEvent('die', web, '2026-11-25T00:00:02Z', { exitCode: '143' })),
      client,
    )
    await handleEvent(containerEvent('start', web, '2026-11-25T00:00:03Z'), client)
    expect(await describeEnd?.(signal)).toMatchObject([
      { name: 'container.exited', body: 'Container shop-web-1 ended with exit code 143 by request' },
    ])
  })
})
