import { describe, expect, test } from 'vitest'
import { changed, containerEvent, tellAtOnce } from '../../test/engine-events.ts'
import { type FakeClientParts, fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { canary, captured } from '../../test/fixtures.ts'
import type { DockerClient } from '../docker-client.ts'
import type { EngineApi } from '../engine/engine-api.ts'
import { handleContainerEvent } from './container-events.ts'
import { parseMessage } from './engine-message.ts'

const of = captured()
const web = of.container('shop-web-1')
const sick = of.container('sick')
const moment = '2026-11-25T00:00:01.5Z'
const { signal } = new AbortController()

/** A client that knows every container. */
async function knowing(parts: Partial<EngineApi> = {}, clientParts: FakeClientParts = {}): Promise<DockerClient> {
  const client = fakeClient(of, { engine: fakeEngine(of, parts), ...clientParts })
  await client.inventory.containers(signal)
  return client
}

describe('an event of a container', () => {
  test.each<[string, Readonly<Record<string, string>>, string, string, Readonly<Record<string, unknown>>]>([
    ['create', {}, 'container.created', 'was created', { 'container.image.id': web.imageId }],
    ['start', {}, 'container.started', 'was started', { 'container.image.tags': ['busybox:local'] }],
    ['kill', { signal: '15' }, 'container.killed', 'was sent signal 15', { 'container.signal': '15' }],
    ['stop', {}, 'container.stopped', 'was stopped by request', {}],
    ['restart', {}, 'container.restarted', 'was restarted by request', {}],
    ['pause', {}, 'container.paused', 'was paused', { 'container.state': 'paused' }],
    ['unpause', {}, 'container.paused', 'was resumed', { 'container.state': 'running' }],
    ['destroy', {}, 'container.removed', 'was removed', { 'container.image.name': 'busybox:local' }],
    ['rename', { oldName: '/old' }, 'container.renamed', 'was renamed from old', { 'container.previous_name': 'old' }],
  ])('%s is told', async (action, more, name, what, attributes) => {
    expect(await tellAtOnce(containerEvent(action, web, moment, more), await knowing())).toMatchObject([
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

  test('want of memory is critical, and tells the limit', async () => {
    expect(await tellAtOnce(containerEvent('oom', web, moment), await knowing())).toMatchObject([
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
  ])('%s is not told', async (action) => {
    expect(handleContainerEvent(parseMessage(containerEvent(action, web, moment)), await knowing())).toBeUndefined()
  })

  test.each(['create', 'start', 'die', 'destroy'])('%s is told although the engine is gone', async (action) => {
    const gone = async () => Promise.reject(new Error('the engine is gone'))
    const client = fakeClient(of, { engine: fakeEngine(of, { container: gone, image: gone, logs: gone }) })
    expect(await tellAtOnce(containerEvent(action, web, moment, { exitCode: '0' }), client)).toMatchObject([
      { attributes: { 'container.name': 'shop-web-1', 'container.image.name': 'busybox:local' } },
    ])
  })
})

test.each([
  ['kill', 'container.killed', 'Container sick was sent a signal'],
  ['rename', 'container.renamed', 'Container sick was renamed'],
])('what Podman tells with %s is understood, with what it does not say left out', async (action, name, body) => {
  const [event] = await tellAtOnce(containerEvent(action, sick, moment), await knowing())
  expect(event).toMatchObject({ name, body })
  expect(JSON.stringify(event)).not.toMatch(/undefined|null/)
})

describe('health', () => {
  test('lost is a warning with what the check wrote, without secrets', async () => {
    const [event] = await tellAtOnce(containerEvent('health_status: unhealthy', sick, moment), await knowing())
    expect(event).toMatchObject({
      name: 'container.health_changed',
      severity: 'warning',
      body: 'Container sick is unhealthy',
      attributes: { 'container.health': 'unhealthy', 'container.health.output': 'token=[redacted]\n' },
    })
    expect(event?.attributes['container.health.failing_streak']).toBeGreaterThan(0)
    expect(JSON.stringify(event)).not.toContain(canary)
  })

  test('is told with no more output than a few kilobytes, and without the container’s own secrets', async () => {
    const state = { health: { status: 'unhealthy', failingStreak: 3, lastOutput: `canary-a ${'x'.repeat(100_000)}` } }
    const environment = ['DB_PASSWORD=canary-a']
    const engine = { container: async () => changed(sick, { state, environment }) }
    const [event] = await tellAtOnce(containerEvent('health_status: unhealthy', sick, moment), await knowing(engine))
    const output = String(event?.attributes['container.health.output'])
    expect(output).toMatch(/^\[redacted\] x+$/)
    expect(output.length).toBeLessThan(5000)
  })

  test('regained is no warning, and has no output', async () => {
    const [event] = await tellAtOnce(containerEvent('health_status: healthy', sick, moment), await knowing())
    expect(event).toMatchObject({
      severity: 'info',
      body: 'Container sick is healthy',
      attributes: { 'container.health': 'healthy' },
    })
    expect(event?.attributes).not.toHaveProperty(['container.health.output'])
  })

  test('is told when it has changed, and again after a start; not what every single check finds', async () => {
    const client = await knowing()
    const told: number[] = []
    for (const action of ['starting', 'healthy', 'healthy', 'unhealthy', 'unhealthy', 'healthy', 'start', 'healthy'])
      told.push(
        (
          await tellAtOnce(
            containerEvent(action.replace(/^.*y$|^starting$/, 'health_status: $&'), sick, moment),
            client,
          )
        ).length,
      )
    expect(told).toEqual([0, 1, 0, 1, 0, 1, 1, 1])
  })

  test('is told of a container that is gone', async () => {
    const event = containerEvent('health_status: unhealthy', { ...sick, id: 'gone' }, moment)
    expect(await tellAtOnce(event, await knowing())).toMatchObject([
      { attributes: { 'container.health': 'unhealthy' } },
    ])
  })
})

describe('containers that are left out by name', () => {
  test.each(['create', 'start', 'die', 'oom', 'kill', 'rename', 'update', 'destroy'])(
    '%s is not told',
    async (action) => {
      const client = await knowing({}, { config: { exclude_containers: ['shop-*'] } })
      expect(handleContainerEvent(parseMessage(containerEvent(action, web, moment)), client)).toBeUndefined()
      expect(handleContainerEvent(parseMessage(containerEvent(action, sick, moment)), client)).toBeDefined()
    },
  )
})

describe('what an event says about others', () => {
  test('a container of which something is told is looked at again, others are not', async () => {
    const engine = fakeEngine(of)
    const client = fakeClient(of, { engine })
    client.inventory.setFollowed(true)
    await client.inventory.containers(signal)
    engine.asked.length = 0
    handleContainerEvent(parseMessage(containerEvent('pause', web, moment)), client)
    await client.inventory.containers(signal)
    expect(engine.asked).toEqual([`container ${web.id}`])
  })

  test('a removed container is gone, and its removal is told once', async () => {
    const engine = fakeEngine(of)
    const client = fakeClient(of, { engine })
    client.inventory.setFollowed(true)
    await client.inventory.containers(signal)
    const destroyed = containerEvent('destroy', web, moment)
    expect(await tellAtOnce({ ...destroyed, isInferred: true }, client)).toMatchObject([{ name: 'container.removed' }])
    const ids = (await client.inventory.containers(signal)).map(({ id }) => id)
    expect(ids).not.toContain(web.id)
    expect(ids).toContain(sick.id)
    const late = containerEvent('destroy', web, '2026-11-25T00:00:01.9Z')
    expect(await tellAtOnce(late, client)).toEqual([])
  })

  test.each(['create', 'start', 'die'])(
    '%s that was concluded is not told again when the engine tells it',
    async (action) => {
      const client = await knowing()
      const concluded = { ...containerEvent(action, web, moment, { exitCode: '0' }), isInferred: true as const }
      expect(await tellAtOnce(concluded, client)).toHaveLength(1)
      const late = containerEvent(action, web, '2026-11-25T00:00:01.52Z', { exitCode: '0' })
      expect(await tellAtOnce(late, client)).toEqual([])
      const another = containerEvent(action, web, '2026-11-25T00:00:01.53Z', { exitCode: '0' })
      expect(await tellAtOnce(another, client)).toHaveLength(1)
    },
  )

  test('what was known of a run is that of the run, although the next has begun when its end is told', async () => {
    const client = await knowing()
    await tellAtOnce(containerEvent('kill', web, moment, { signal: '15' }), client)
    const tellEnd = handleContainerEvent(
      parseMessage(containerEvent('die', web, '2026-11-25T00:00:02Z', { exitCode: '143' })),
      client,
    )
    await tellAtOnce(containerEvent('start', web, '2026-11-25T00:00:03Z'), client)
    expect(await tellEnd?.(signal)).toMatchObject([
      { name: 'container.exited', body: 'Container shop-web-1 ended with exit code 143 by request' },
    ])
  })
})
