import { collectContext, pointsOf, runCollector } from '@rca/connector-testkit'
import type { Entity, Signals } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { EngineError } from '../engine/engine-error.ts'
import { containers } from './containers.ts'

function ofType({ entities = [] }: Signals, type: string): Entity[] {
  return entities.filter((entity): entity is Entity => entity?.type === type)
}

function named(signals: Signals, name: string): Entity {
  const found = ofType(signals, 'container').find((entity) => entity.name === name)
  if (found === undefined) throw new Error(`no container ${name}`)
  return found
}

describe.each(engineNames)('containers of %s', (name) => {
  const of = captured(name)
  const now = (): Date => new Date('2026-11-25T00:00:00.000Z')
  const collect = (config = {}) => runCollector(containers, fakeClient(of, { config }), collectContext({ now }))

  test('collects containers in every state, with their exit', async () => {
    const collected = await collect()
    expect(
      ofType(collected, 'container')
        .map((entity) => entity.name)
        .toSorted(),
    ).toEqual(of.containerNames.toSorted())
    const states = ['shop-web-1', 'paused', 'created', 'crashed'].map(
      (container) => named(collected, container).attributes['container.state'],
    )
    expect(states).toEqual(['running', 'paused', 'created', 'exited'])
    expect(named(collected, 'crashed').attributes).toMatchObject({
      'container.exit_code': 3,
      'container.oom_killed': false,
      'container.finished_at': expect.stringMatching(/^2026-11-24T/),
    })
    expect(named(collected, 'oom').attributes).toMatchObject({ 'container.exit_code': 137 })
    for (const unfinished of ['shop-web-1', 'paused', 'created'])
      for (const attribute of ['container.exit_code', 'container.oom_killed', 'container.finished_at'])
        expect(named(collected, unfinished).attributes, unfinished).not.toHaveProperty([attribute])
  })

  test('collects the uptime of running containers and the failing streak of those with a health check', async () => {
    const collected = await collect()
    const metricsOf = (container: string) => Object.keys(pointsOf(collected, of.container(container).id)).toSorted()
    const streak = 'container.health.failing_streak{}'
    expect(metricsOf('shop-web-1')).toEqual([streak, 'container.restarts{}', 'container.uptime{}'])
    expect(metricsOf('plain')).toEqual(['container.restarts{}', 'container.uptime{}'])
    expect(metricsOf('paused')).toEqual(['container.restarts{}', 'container.uptime{}'])
    expect(metricsOf('crashed')).toEqual(['container.restarts{}'])
    expect(metricsOf('created')).toEqual(['container.restarts{}'])
    expect(pointsOf(collected, of.container('sick').id)).toMatchObject({ [streak]: 1 })
    const { startedAt = '' } = of.container('plain').state
    expect(pointsOf(collected, of.container('plain').id)['container.uptime{}']).toBeCloseTo(
      (Date.parse('2026-11-25T00:00:00.000Z') - Date.parse(startedAt)) / 1000,
    )
  })

  test('relates containers to engine, image, networks, volumes and Compose service', async () => {
    const collected = await collect()
    const { relations } = named(collected, 'shop-web-1')
    const engine = of.info.id
    expect(relations).toEqual(
      expect.arrayContaining([
        { type: 'runs_on', target: { type: 'docker.engine', id: engine } },
        { type: 'runs_image', target: { type: 'container.image', id: of.container('shop-web-1').imageId } },
        { type: 'mounts', target: { type: 'docker.volume', id: `${engine}/shop-data` } },
        { type: 'part_of', target: { type: 'docker.compose.service', id: `${engine}/shop/web` } },
      ]),
    )
    const attachedTo = relations.filter(({ type }) => type === 'attached_to')
    expect(attachedTo).toHaveLength(Object.keys(of.container('shop-web-1').networks).length)
    expect(ofType(collected, 'docker.compose.service')).toEqual([
      {
        type: 'docker.compose.service',
        id: `${engine}/shop/web`,
        name: 'web',
        attributes: { 'docker.compose.project': 'shop', 'docker.compose.service': 'web' },
        relations: [{ type: 'part_of', target: { type: 'docker.compose.project', id: `${engine}/shop` } }],
      },
    ])
    expect(ofType(collected, 'docker.compose.project')).toMatchObject([
      { id: `${engine}/shop`, name: 'shop', relations: [{ type: 'runs_on', target: { id: engine } }] },
    ])
    expect(ofType(collected, 'container.image')).toMatchObject([
      {
        id: of.container('plain').imageId,
        name: expect.stringContaining('busybox:local'),
        attributes: { 'host.arch': 'amd64', 'os.type': 'linux' },
      },
    ])
  })

  test('sends listed labels only, and only the names of variables', async () => {
    const labelsOf = async (config = {}) => {
      const { attributes } = named(await collect(config), 'shop-web-1')
      return Object.fromEntries(Object.entries(attributes).filter(([key]) => key.startsWith('container.label.')))
    }
    const labels = await labelsOf()
    expect(labels).toMatchObject({ 'container.label.com.docker.compose.project': 'shop' })
    expect(Object.keys(labels).filter((key) => !key.startsWith('container.label.com.docker.compose.'))).toEqual([])
    expect(await labelsOf({ container_labels: [] })).toEqual({})
    expect(await labelsOf({ container_labels: ['secret.*'] })).toEqual({
      'container.label.secret.label': 'canary-label',
    })

    const { attributes } = named(await collect(), 'shop-web-1')
    expect(attributes['container.environment_names']).toEqual(expect.arrayContaining(['DB_PASSWORD', 'MODE', 'PATH']))
  })

  test('removes secrets from labels: by form, and those in the variables of the container', async () => {
    const engine = fakeEngine(of)
    const web = of.container('shop-web-1')
    engine.existing.set(web.id, {
      ...web,
      environment: ['DB_PASSWORD=otter77-of-the-shop'],
      labels: {
        'org.opencontainers.image.source': 'https://gitlab-ci-token:otter1@gitlab.test/shop/web.git',
        'com.docker.compose.note': 'uses otter77-of-the-shop',
        'com.docker.compose.project': 'shop',
      },
    })
    const collected = await runCollector(containers, fakeClient(of, { engine }), collectContext({ now }))
    expect(named(collected, 'shop-web-1').attributes).toMatchObject({
      'container.label.org.opencontainers.image.source': 'https://gitlab-ci-token:[redacted]@gitlab.test/shop/web.git',
      'container.label.com.docker.compose.note': 'uses [redacted]',
      'container.label.com.docker.compose.project': 'shop',
    })
  })

  test('leaves out excluded containers, with images and services that only they use', async () => {
    const collected = await collect({ exclude_containers: ['shop-*', 'o?m', 'crashed'] })
    const names = ofType(collected, 'container').map((entity) => entity.name)
    expect(names).not.toContain('shop-web-1')
    expect(names).not.toContain('crashed')
    // `*` is the only wildcard.
    expect(names).toContain('oom')
    expect(ofType(collected, 'docker.compose.service')).toEqual([])
    expect(pointsOf(collected, of.container('crashed').id)).toEqual({})
  })
})

test('containers collects exact values of one engine', async () => {
  const of = captured(exactEngine)
  const collected = await runCollector(containers, fakeClient(of))
  expect(named(collected, 'shop-web-1').attributes).toEqual({
    'container.id': '2063afb3cfdf393c67b0a84dd4356be2d0328032acf555881a172c160d60193f',
    'container.name': 'shop-web-1',
    'container.runtime': 'docker',
    'docker.compose.project': 'shop',
    'docker.compose.service': 'web',
    'container.image.name': 'busybox:local',
    'container.image.id': 'sha256:d5227cb55dc708e4fd65b7a27cd111ce01e9018dadacd009cd5a54f31c3e5d44',
    'container.image.tags': ['busybox:local'],
    'container.image.repo_digests': [],
    'container.state': 'running',
    'container.health': 'healthy',
    'container.created': '2026-11-24T23:21:50.289209626Z',
    'container.started_at': '2026-11-24T23:21:50.631976712Z',
    'container.restart_policy': 'always',
    'container.restart_count': 0,
    'container.privileged': false,
    'container.network_mode': 'shop',
    'container.environment_names': ['DB_PASSWORD', 'MODE', 'PATH'],
    'container.ports': ['127.0.0.1:18080->80/tcp', '9000/tcp'],
    'container.mounts': ['volume:shop-data:/data:rw', 'bind:/etc/hostname:/etc/site:ro', 'tmpfs::/scratch:rw'],
    'container.limit.memory': 67_108_864,
    'container.limit.cpu': 0.5,
    'container.limit.pids': 50,
    'container.label.com.docker.compose.container-number': '1',
    'container.label.com.docker.compose.project': 'shop',
    'container.label.com.docker.compose.service': 'web',
  })
  expect(ofType(collected, 'container.image')[0]?.attributes).toEqual({
    'container.image.name': 'busybox:local',
    'container.image.id': 'sha256:d5227cb55dc708e4fd65b7a27cd111ce01e9018dadacd009cd5a54f31c3e5d44',
    'container.image.tags': ['busybox:local'],
    'container.image.repo_digests': [],
    'container.image.created': '2026-11-24T23:21:50.158448938Z',
    'container.image.size': 1_984_132,
    'host.arch': 'amd64',
    'os.type': 'linux',
  })
})

describe('containers', () => {
  const of = captured(exactEngine)
  const plain = of.container('plain')

  async function collectOnly(change: Partial<typeof plain>) {
    const engine = fakeEngine(of)
    engine.existing.clear()
    engine.existing.set(plain.id, { ...plain, ...change })
    const collected = await runCollector(containers, fakeClient(of, { engine }))
    return { collected, engine, entity: named(collected, change.name ?? plain.name) }
  }

  test('does not request an image without an id', async () => {
    const { engine, entity, collected } = await collectOnly({ image: '', imageId: '' })
    expect(engine.requests.filter((question) => question.startsWith('image'))).toEqual([])
    expect(entity.relations.map(({ type }) => type)).not.toContain('runs_image')
    expect(ofType(collected, 'container.image')).toEqual([])
  })

  test('collects a container without tags when its image no longer exists', async () => {
    const { collected, entity } = await collectOnly({ imageId: 'sha256:removed' })
    expect(entity.attributes).toMatchObject({ 'container.image.id': 'sha256:removed' })
    expect(entity.attributes).not.toHaveProperty(['container.image.tags'])
    expect(ofType(collected, 'container.image')).toEqual([])
  })

  test("reports an uptime of 0 when the engine's clock is ahead", async () => {
    const { collected } = await collectOnly({ state: { ...plain.state, startedAt: '2026-11-25T00:00:05Z' } })
    expect(pointsOf(collected)).toMatchObject({ 'container.uptime{}': 0 })
  })

  test('leaves out unknown values, rather than reporting 0', async () => {
    const { collected, entity } = await collectOnly({
      created: '',
      restartCount: undefined,
      state: {
        ...plain.state,
        startedAt: 'garbage',
        health: { status: 'x', failingStreak: undefined, lastOutput: undefined },
      },
    })
    expect(pointsOf(collected)).toEqual({})
    for (const attribute of ['container.created', 'container.restart_count', 'container.limit.memory'])
      expect(entity.attributes).not.toHaveProperty([attribute])
  })

  test('does not send values of variables, the command or the output of health checks', async () => {
    const environment = ['SHORT=canary-1', 'WITH=canary-2=canary-3', 'EMPTY=', 'URL=https://user:canary-4@db']
    const health = { status: 'unhealthy', failingStreak: 1, lastOutput: 'canary-5' }
    const { collected, entity } = await collectOnly({
      environment,
      command: ['serve', '--token=canary-6'],
      labels: { private: 'canary-7' },
      state: { ...plain.state, error: 'refused: password=canary-8', health },
    })
    expect(entity.attributes['container.environment_names']).toEqual(['EMPTY', 'SHORT', 'URL', 'WITH'])
    expect(JSON.stringify(collected)).not.toContain('canary-')
  })

  test('names an image by tag, then digest, then id', async () => {
    const nameOf = async (tags: string[], digests: string[]) => {
      const image = {
        id: plain.imageId,
        tags,
        digests,
        created: undefined,
        size: 1,
        architecture: undefined,
        os: undefined,
        labels: {},
      }
      const client = fakeClient(of, { engine: fakeEngine(of, { image: async () => image }) })
      return ofType(await runCollector(containers, client), 'container.image')[0]?.name
    }
    expect(await nameOf(['web:1', 'web:2'], ['web@sha256:a'])).toBe('web:1')
    expect(await nameOf([], ['web@sha256:a'])).toBe('web@sha256:a')
    expect(await nameOf([], [])).toBe(plain.imageId)
  })
})

test('containers reports a gap for a container that cannot be inspected, and collects the others', async () => {
  const of = captured(exactEngine)
  const broken = of.container('plain')
  const others = fakeEngine(of)
  const engine = fakeEngine(of, {
    container: async (id, signal) => {
      if (id === broken.id) throw new EngineError('answered 500', { status: 500 })
      return others.container(id, signal)
    },
  })
  const collected = await runCollector(containers, fakeClient(of, { engine }))
  expect(collected.gaps?.filter(Boolean)).toEqual([{ scope: `container:${broken.id}`, reason: 'answered 500' }])
  expect(collected.unread).toEqual([{ type: 'container', id: broken.id }])
  expect(ofType(collected, 'container')).toHaveLength(of.containers().length - 1)
})
