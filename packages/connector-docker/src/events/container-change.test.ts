import type { Event } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { changed, containerEvent, handleEvent } from '../../test/engine-events.ts'
import { type FakeEngine, fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { canary, captured } from '../../test/fixtures.ts'
import { slotOf, specOf } from '../changes/container-spec.ts'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails, ImageDetails } from '../engine/engine-api.ts'

const of = captured()
const plain = of.container('plain')
const web = of.container('shop-web-1')
const moment = '2026-11-25T00:00:01.5Z'

const newImage: ImageDetails = {
  id: 'sha256:new',
  tags: ['shop/web:2'],
  digests: ['shop/web@sha256:222'],
  created: undefined,
  size: undefined,
  architecture: undefined,
  os: undefined,
  labels: {},
}

interface Scene {
  readonly client: DockerClient
  readonly engine: FakeEngine
}

/** Returns a client with these containers. */
function scene(...known: readonly ContainerDetails[]): Scene {
  const image = async (id: string): Promise<ImageDetails | undefined> =>
    id === newImage.id ? newImage : { ...newImage, id, tags: [], digests: ['shop/web@sha256:111'] }
  const engine = fakeEngine(of, { image })
  const client = fakeClient(of, { engine })
  for (const container of known) client.history.keepSpec(slotOf(container), specOf(container, client.keyedHash))
  return { client, engine }
}

/** Returns the change event after an engine event, for a container in its current state. */
async function change({ client, engine }: Scene, action: string, now: ContainerDetails): Promise<Event | undefined> {
  engine.existing.set(now.id, now)
  const reported = await handleEvent(containerEvent(action, now, moment), client)
  return reported.find(({ name }) => name === 'container.changed')
}

describe('describeChange: replaced container', () => {
  test('describes the differences and both images', async () => {
    const recreated = changed(web, {
      id: 'f'.repeat(64),
      image: 'shop/web:2',
      imageId: newImage.id,
      environment: ['DB_PASSWORD=canary-new', 'EXTRA=canary-extra', 'PATH=/bin'],
      limits: { memory: undefined },
      mounts: web.mounts.filter(({ destination }) => destination !== '/data'),
      publishedPorts: [{ container: '443/tcp', host: '0.0.0.0:443' }],
      restartPolicy: 'no',
    })
    const event = await change(scene(web), 'create', recreated)
    expect(event).toEqual({
      id: `docker/1795564801500000000/${recreated.id}/create/changed`,
      name: 'container.changed',
      at: '2026-11-25T00:00:01.500Z',
      severity: 'warning',
      entity: { type: 'container', id: recreated.id },
      body: 'Container shop-web-1 was recreated: image busybox:local → shop/web:2; memory limit 64 MiB → none; variable MODE removed; variable EXTRA added; variable DB_PASSWORD changed; port 127.0.0.1:18080->80/tcp removed; port 0.0.0.0:443->443/tcp added; mount volume:shop-data:/data:rw removed; 1 more',
      attributes: {
        'container.id': recreated.id,
        'container.name': 'shop-web-1',
        'container.runtime': 'docker',
        'docker.compose.project': 'shop',
        'docker.compose.service': 'web',
        'container.image.name': 'shop/web:2',
        'container.image.id': 'sha256:new',
        'container.image.tags': ['shop/web:2'],
        'container.image.repo_digests': ['shop/web@sha256:222'],
        'change.fields': ['image', 'environment', 'limits', 'mounts', 'ports', 'settings'],
        'change.previous_container_id': web.id,
        'change.image.old': 'busybox:local',
        'change.image.new': 'shop/web:2',
        'change.image.old_id': web.imageId,
        'change.image.new_id': 'sha256:new',
        'change.image.old_digests': ['shop/web@sha256:111'],
        'change.image.new_digests': ['shop/web@sha256:222'],
        'change.environment.added': ['EXTRA'],
        'change.environment.removed': ['MODE'],
        'change.environment.changed': ['DB_PASSWORD'],
        'change.limits': ['memory: 67108864 → none'],
        'change.mounts.removed': ['volume:shop-data:/data:rw'],
        'change.ports.added': ['0.0.0.0:443->443/tcp'],
        'change.ports.removed': ['127.0.0.1:18080->80/tcp'],
        'change.settings': ['restart_policy: always → no'],
      },
    })
    expect(JSON.stringify(event)).not.toContain(canary)
  })

  test('compares by Compose service, whatever the name', async () => {
    const recreated = changed(web, { id: 'other', name: '0a1b2c_shop-web-1', imageId: newImage.id })
    const event = await change(scene(web), 'create', recreated)
    expect(event?.body).toBe('Container 0a1b2c_shop-web-1 was recreated: busybox:local has another digest')
  })

  test('compares by name without Compose, before ports and networks exist', async () => {
    const recreated = changed(plain, {
      id: 'other',
      ports: [],
      networks: {},
      state: { status: 'created', startedAt: undefined },
      environment: [...plain.environment, 'NEW_TOKEN=canary-a'],
    })
    const event = await change(scene(plain), 'create', recreated)
    expect(event?.body).toBe('Container plain was recreated: variable NEW_TOKEN added')
    expect(event?.attributes).toMatchObject({ 'change.environment.added': ['NEW_TOKEN'] })
    expect(event?.attributes).not.toHaveProperty(['change.image.old'])
    expect(event?.attributes).not.toHaveProperty(['change.limits'])
    expect(JSON.stringify(event)).not.toContain(canary)
  })

  test('returns undefined for a container of an image committed from a container of Compose', async () => {
    const { labels } = web
    const image = async (): Promise<ImageDetails> => ({ ...newImage, labels: { ...labels, more: 'x' } })
    const engine = fakeEngine(of, { image })
    const client = fakeClient(of, { engine })
    client.history.keepSpec(slotOf(web), specOf(web, client.keyedHash))
    client.history.remove(web.id)
    const run = changed(web, { id: 'run', name: 'busy_kare', imageId: newImage.id })
    expect(await change({ client, engine }, 'create', run)).toBeUndefined()
    // The next container of the service is compared with the last one of the service.
    const next = changed(web, { id: 'next', restartPolicy: 'no', labels: { ...labels, 'com.docker.compose.v': '2' } })
    expect(await change({ client, engine }, 'create', next)).toMatchObject({
      attributes: { 'change.fields': ['settings'], 'change.previous_container_id': web.id },
    })
  })

  test('compares the tasks of a slot of a swarm service, although the former one still exists', async () => {
    const task = (id: string, slot: number, environment: readonly string[]): ContainerDetails =>
      changed(plain, {
        id,
        name: `shop_web.${slot}.${id}`,
        environment,
        labels: {
          'com.docker.swarm.service.name': 'shop_web',
          'com.docker.swarm.task.name': `shop_web.${slot}.${id}`,
        },
      })
    const made = scene(task('one', 1, ['A=1']), task('two', 2, ['A=1']))
    await made.client.inventory.containers(new AbortController().signal)
    expect(await change(made, 'create', task('three', 1, ['A=1', 'B=2']))).toMatchObject({
      body: 'Container shop_web.1.three was recreated: variable B added',
      attributes: { 'change.previous_container_id': 'one' },
    })
    // A task that is restarted without another configuration has not changed.
    expect(await change(made, 'create', task('four', 2, ['A=1']))).toBeUndefined()
  })

  test('returns undefined while the container of the same Compose service and number exists', async () => {
    const made = scene(web)
    await made.client.inventory.containers(new AbortController().signal)
    const another = changed(web, { id: 'another', name: 'debugging', restartPolicy: 'no' })
    expect(await change(made, 'create', another)).toBeUndefined()
    expect(await change(made, 'update', changed(another, { limits: { cpuShares: 512 } }))).toMatchObject({
      attributes: { 'change.fields': ['limits'] },
    })
    const replaced = changed(web, { id: 'replaced', name: `0a1b2c_${web.name}`, restartPolicy: 'no' })
    expect(await change(made, 'create', replaced)).toMatchObject({
      attributes: { 'change.fields': ['settings'], 'change.previous_container_id': web.id },
    })
  })

  test('returns undefined for an equal configuration', async () => {
    expect(await change(scene(web), 'create', changed(web, { id: 'other', ports: [] }))).toBeUndefined()
  })

  test('returns undefined without a predecessor, and compares the next container', async () => {
    const empty = scene()
    expect(await change(empty, 'create', plain)).toBeUndefined()
    const next = changed(plain, { id: 'other', restartPolicy: 'always' })
    expect(await change(empty, 'create', next)).toMatchObject({
      attributes: { 'change.settings': ['restart_policy: no → always'], 'change.previous_container_id': plain.id },
    })
  })

  test('returns undefined for a container that no longer exists', async () => {
    const { client } = scene(plain)
    const reported = await handleEvent(containerEvent('create', { ...plain, id: 'removed' }, moment), client)
    expect(reported.map(({ name }) => name)).toEqual(['container.created'])
  })

  test('compares a container that could not be inspected when it was created once it starts', async () => {
    const { client, engine } = scene(plain)
    const next = changed(plain, { id: 'other', restartPolicy: 'always' })
    const namesAfter = async (action: string): Promise<string[]> =>
      (await handleEvent(containerEvent(action, next, moment), client)).map(({ name }) => name)
    expect(await namesAfter('create')).toEqual(['container.created'])
    engine.existing.set(next.id, next)
    expect(await namesAfter('start')).toEqual(['container.changed', 'container.started'])
    expect(await namesAfter('start')).toEqual(['container.started'])
  })

  test('leaves out digests of images that no longer exist', async () => {
    const engine = fakeEngine(of, { image: async () => Promise.reject(new Error('the engine stopped')) })
    const client = fakeClient(of, { engine })
    client.history.keepSpec(slotOf(plain), specOf(plain, client.keyedHash))
    const event = await change({ client, engine }, 'create', changed(plain, { id: 'other', image: 'shop:2' }))
    expect(event?.attributes).toMatchObject({ 'change.image.old': 'busybox:local', 'change.image.new': 'shop:2' })
    expect(event?.attributes).not.toHaveProperty(['change.image.new_digests'])
  })
})

describe('describeChange: `docker update`', () => {
  test('describes a change of the same container', async () => {
    const event = await change(scene(plain), 'update', changed(plain, { limits: { cpuShares: 512 } }))
    expect(event).toMatchObject({
      id: `docker/1795564801500000000/${plain.id}/update/changed`,
      body: 'Container plain was updated: CPU shares none → 512',
      attributes: { 'change.fields': ['limits'], 'change.limits': ['cpu_shares: none → 512'] },
    })
    expect(event?.attributes).not.toHaveProperty(['change.previous_container_id'])
  })

  test('returns undefined without a change', async () => {
    const { client, engine } = scene(plain)
    engine.existing.set(plain.id, plain)
    expect(await handleEvent(containerEvent('update', plain, moment), client)).toEqual([])
  })
})
