import { runCollector } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { changed, engineEvent } from '../../test/engine-events.ts'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured } from '../../test/fixtures.ts'
import { containers } from '../collectors/containers.ts'
import type { ImageDetails } from '../engine/engine-api.ts'
import { parseMessage } from './engine-message.ts'
import { handleResourceEvent } from './resource-events.ts'

const of = captured()
const { signal } = new AbortController()

/** Returns an engine with one container of `shop/web:1`, whose tag can be moved to another image. */
function scene(reference = 'shop/web:1') {
  let tagged = 'sha256:old'
  const image = async (id: string): Promise<ImageDetails | undefined> => {
    const found = id.startsWith('sha256:') ? id : tagged
    const tags = found === tagged ? ['shop/web:1', 'shop/web:latest'] : []
    const none = { created: undefined, size: undefined, architecture: undefined, os: undefined }
    return { id: found, tags, digests: [], labels: {}, ...none }
  }
  const engine = fakeEngine(of, { image })
  const web = changed(of.container('plain'), { name: 'web', image: reference, imageId: 'sha256:old' })
  engine.existing.clear()
  engine.existing.set(web.id, web)
  const client = fakeClient(of, { engine })
  const moveTag = async (to: string) => {
    tagged = to
    const event = engineEvent({ type: 'image', action: 'tag', actor: to, attributes: { name: 'shop/web:1' } })
    const reported = (await handleResourceEvent(parseMessage(event), client)?.(signal)) ?? []
    return reported.flatMap((one) => (one?.name === 'container.image_outdated' ? [one] : []))
  }
  const isOutdated = async (): Promise<unknown> => {
    const { entities = [] } = await runCollector(containers, client)
    return entities.find((one) => one?.type === 'container')?.attributes['container.image.outdated']
  }
  return { web, moveTag, isOutdated }
}

describe('describeImageDrift', () => {
  test('reports once that a container runs an older image than its tag, and marks the container', async () => {
    const { web, moveTag, isOutdated } = scene()
    expect(await isOutdated()).toBeUndefined()
    expect(await moveTag('sha256:new')).toMatchObject([
      {
        severity: 'info',
        entity: { type: 'container', id: web.id },
        body: expect.stringContaining('Container web runs an older image than its tag shop/web:1'),
        attributes: { 'container.image.id': 'sha256:old', 'container.image.current_id': 'sha256:new' },
      },
    ])
    expect(await isOutdated()).toBe(true)
    expect(await moveTag('sha256:new')).toEqual([])
    expect(await moveTag('sha256:newer')).toHaveLength(1)
    expect(await moveTag('sha256:old')).toEqual([])
    expect(await isOutdated()).toBeUndefined()
  })

  test.each(['shop/web', 'shop/web:latest'])('resolves %s', async (reference) => {
    expect(await scene(reference).moveTag('sha256:new')).toHaveLength(1)
  })

  test.each(['sha256:old', 'shop/web@sha256:123'])('does not compare %s', async (reference) => {
    expect(await scene(reference).moveTag('sha256:new')).toEqual([])
  })
})
