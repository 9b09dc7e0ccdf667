import type { Event } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { engineEvent } from '../../test/engine-events.ts'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured } from '../../test/fixtures.ts'
import type { DockerClient } from '../docker-client.ts'
import { toImage } from '../engine/translate.ts'
import { parseMessage } from './engine-message.ts'
import { handleResourceEvent } from './resource-events.ts'

const moment = '2026-11-25T00:00:01.234567891Z'
const of = captured()
const web = of.container('shop-web-1')
const { signal } = new AbortController()

/** Sends an event of `type/action`. Returns the reported one. */
async function send(
  what: string,
  actor: string,
  attributes: Readonly<Record<string, string>> = {},
  client: DockerClient = fakeClient(),
): Promise<Event | undefined> {
  const [type = '', action = ''] = what.split('/')
  const reported = await handleResourceEvent(
    parseMessage(engineEvent({ type, action, actor, moment, attributes })),
    client,
  )?.(signal)
  return reported?.[0]
}

describe('handleResourceEvent: images', () => {
  test('reports no label of the image as the tag that was removed', async () => {
    const image = { ...toImage(of.json('image.json')), id: web.imageId, labels: { name: 'ubi9' }, tags: ['shop:2'] }
    const client = fakeClient(of, { engine: fakeEngine(of, { image: async () => image }) })
    expect((await send('image/untag', web.imageId, { name: 'ubi9' }, client))?.body).toBe(
      `Image ${web.imageId} was untagged`,
    )
    expect((await send('image/untag', web.imageId, { name: 'shop:1' }, client))?.body).toBe('Image shop:1 was untagged')
  })

  test.each([
    ['image/pull', 'shop:2', {}, 'docker.image.pulled', 'Image shop:2 was pulled'],
    ['image/tag', 'sha256:1', { name: 'shop:2' }, 'docker.image.tagged', 'Image shop:2 was tagged'],
    ['image/untag', 'sha256:1', {}, 'docker.image.tagged', 'Image sha256:1 was untagged'],
    ['image/delete', 'sha256:1', {}, 'docker.image.deleted', 'Image sha256:1 was deleted'],
  ])('reports %s of the engine', async (what, actor, attributes, name, body) => {
    expect(await send(what, actor, attributes)).toMatchObject({
      id: `docker/1795564801234567891/${actor.replace('sha256:', '')}/${what.split('/')[1]}`,
      at: '2026-11-25T00:00:01.234Z',
      name,
      body,
      severity: 'info',
      entity: { type: 'docker.engine', id: of.info.id },
    })
  })

  test('drops cached images after any image event', async () => {
    const client = fakeClient()
    const { requests } = client.engine as ReturnType<typeof fakeEngine>
    const tags = async (): Promise<number> => {
      await client.inventory.image(web.imageId, signal)
      return requests.filter((question) => question.startsWith('image ')).length
    }
    expect([await tags(), await tags()]).toEqual([1, 1])
    expect(await send('image/import', web.imageId, {}, client)).toBeUndefined()
    expect([await tags(), await tags()]).toEqual([2, 2])
  })
})

describe('handleResourceEvent: volumes', () => {
  test.each([
    ['create', 'Volume data was created'],
    ['destroy', 'Volume data was removed'],
  ])('reports %s of a volume', async (action, body) => {
    expect(await send(`volume/${action}`, 'data')).toMatchObject({
      name: 'docker.volume.changed',
      body,
      entity: { type: 'docker.volume', id: `${of.info.id}/data` },
      attributes: { 'docker.volume.name': 'data', 'docker.action': action },
    })
  })
})

describe('handleResourceEvent: volumes that exist', () => {
  const at = Date.parse(moment)
  /** Returns an engine with one volume. */
  const withVolume = (created: number): DockerClient => {
    const volume = { name: 'data', driver: 'local', created: new Date(created).toISOString() }
    return fakeClient(of, { engine: fakeEngine(of, { volumes: async () => [volume] }) })
  }

  test('reports a creation only at the time at which the volume was created', async () => {
    expect(await send('volume/create', 'data', {}, withVolume(at - 3_600_000))).toBeUndefined()
    expect(await send('volume/create', 'data', {}, withVolume(at - 1_000))).toMatchObject({
      body: 'Volume data was created',
    })
  })

  test('keeps the first creation time: engines may read it from a folder that changes', async () => {
    const client = withVolume(at)
    client.history.volumes.keep('data', at - 3_600_000)
    expect(await send('volume/create', 'data', {}, client)).toBeUndefined()
    await send('volume/destroy', 'data', {}, client)
    expect(await send('volume/create', 'data', {}, client)).toMatchObject({ body: 'Volume data was created' })
  })
})

describe('handleResourceEvent: networks', () => {
  test('reports a disconnection once that the engine reports twice', async () => {
    const client = fakeClient()
    const attributes = { name: 'shop', container: web.id }
    const bodies: (string | undefined)[] = []
    for (const action of ['connect', 'disconnect', 'disconnect', 'connect', 'disconnect'])
      bodies.push((await send(`network/${action}`, 'n1', attributes, client))?.body.split(/[ :]+/)[2])
    expect(bodies).toEqual(['connect', 'disconnect', undefined, 'connect', 'disconnect'])
    expect(await send('network/disconnect', 'n2', attributes, client)).toBeDefined()
  })

  test.each(['create', 'destroy'])('reports %s of a network', async (action) => {
    expect(await send(`network/${action}`, 'n1', { name: 'shop' })).toMatchObject({
      name: 'docker.network.changed',
      body: `Network shop, ${action}`,
      entity: { type: 'docker.network', id: 'n1' },
      attributes: { 'docker.network.name': 'shop', 'docker.action': action },
    })
  })

  test.each(['connect', 'disconnect'])('reports %s with the container, although it is new', async (action) => {
    const event = await send(`network/${action}`, 'n1', { name: 'shop', container: web.id })
    expect(event).toMatchObject({
      body: `Network shop, ${action}: container shop-web-1`,
      attributes: { 'container.id': web.id, 'container.name': 'shop-web-1', 'docker.compose.service': 'web' },
    })
  })

  test('reports the id of a container that no longer exists', async () => {
    const event = await send('network/disconnect', 'n1', { container: 'removed' })
    expect(event?.body).toBe('Network n1, disconnect')
    expect(event?.attributes).toMatchObject({ 'container.id': 'removed' })
    expect(event?.attributes).not.toHaveProperty('container.name')
  })

  test('does not report excluded containers', async () => {
    const client = fakeClient(of, { config: { exclude_containers: ['shop-*'] } })
    const connect = (container: string): Promise<Event | undefined> =>
      send('network/connect', 'n1', { name: 'shop', container }, client)
    expect(await connect(web.id)).toBeUndefined()
    expect(await connect(of.container('plain').id)).toMatchObject({ name: 'docker.network.changed' })
  })

  test('marks the container as changed', async () => {
    const engine = fakeEngine()
    const client = fakeClient(of, { engine })
    client.inventory.setFollowed(true)
    const inspections = async (): Promise<number> => {
      await client.inventory.containers(signal)
      return engine.requests.filter((question) => question === `container ${web.id}`).length
    }
    expect([await inspections(), await inspections()]).toEqual([1, 1])
    await send('network/connect', 'n1', { container: web.id }, client)
    expect(await inspections()).toBe(2)
  })
})

test.each([
  'volume/mount',
  'volume/unmount',
  'image/import',
  'image/save',
  'network/update',
  'daemon/reload',
  'plugin/enable',
])('handleResourceEvent does not report %s', async (what) => {
  expect(await send(what, 'a')).toBeUndefined()
})
