import { describe, expect, test } from 'vitest'
import { containerEvent, engineEvent } from '../../test/engine-events.ts'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured } from '../../test/fixtures.ts'
import { attributesOf, containerEventFields, inspectOrLastKnown, parseMessage } from './engine-message.ts'

const moment = '2026-11-25T00:00:01.234567891Z'
const web = captured().container('shop-web-1')
const { signal } = new AbortController()

describe('parseMessage', () => {
  test.each([
    ['die', 'die', ''],
    ['health_status: unhealthy', 'health_status', 'unhealthy'],
    ['exec_create: sh -c echo a: b', 'exec_create', 'sh -c echo a'],
  ])('parses %s as the action %s', (text, action, detail) => {
    const message = parseMessage(engineEvent({ action: text, actor: 'a', moment }))
    expect(message).toMatchObject({ action, detail, at: new Date('2026-11-25T00:00:01.234Z') })
  })

  test('builds an id from the time, the actor and the action', () => {
    const idOf = (action: string, actor: string): string => parseMessage(engineEvent({ action, actor, moment })).id
    expect(idOf('die', web.id)).toBe(`docker/1795564801234567891/${web.id}/die`)
    expect(idOf('tag', `sha256:${'a'.repeat(64)}`)).toBe(`docker/1795564801234567891/${'a'.repeat(64)}/tag`)
    expect(idOf('create', 'v'.repeat(10_000)).length).toBeLessThan(128)
  })
})

describe('containerEventFields', () => {
  test('uses the name of the event and the labels of the last inspection', async () => {
    const client = fakeClient()
    await client.inventory.containers(signal)
    const renamed = parseMessage(containerEvent('rename', { ...web, name: 'renamed' }, moment))
    expect(attributesOf(renamed, client)).toEqual({
      'container.id': web.id,
      'container.name': 'renamed',
      'container.runtime': 'docker',
      'docker.compose.project': 'shop',
      'docker.compose.service': 'web',
    })
  })

  test('uses the labels of the event for a container that was never inspected', () => {
    const attributes = { ...web.labels, name: 'short-lived' }
    const message = parseMessage(engineEvent({ action: 'die', actor: 'never-seen', moment, attributes }))
    expect(attributesOf(message, fakeClient())).toMatchObject({
      'container.name': 'short-lived',
      'docker.compose.service': 'web',
    })
  })

  test('uses the last known name, then the id, for an event without a name', async () => {
    const client = fakeClient()
    await client.inventory.containers(signal)
    const nameOf = (actor: string) =>
      attributesOf(parseMessage(engineEvent({ action: 'die', actor, moment })), client)['container.name']
    expect(nameOf(web.id)).toBe('shop-web-1')
    expect(nameOf('never-seen')).toBe('never-seen')
  })

  test('refers to the container', () => {
    const message = parseMessage(containerEvent('stop', web, moment))
    expect(containerEventFields(message, fakeClient(), 'was stopped', { 'container.signal': '15' })).toEqual({
      id: message.id,
      at: message.at,
      entity: { type: 'container', id: web.id },
      body: 'Container shop-web-1 was stopped',
      attributes: {
        'container.id': web.id,
        'container.name': 'shop-web-1',
        'container.runtime': 'docker',
        'docker.compose.project': undefined,
        'docker.compose.service': undefined,
        'container.signal': '15',
      },
    })
  })
})

describe('inspectOrLastKnown', () => {
  test.each([
    ['it no longer exists', async () => undefined],
    ['the engine does not answer', async () => Promise.reject(new Error('the engine stopped'))],
  ])('returns the last inspection when %s', async (_why, inspect) => {
    let container = async (): Promise<typeof web | undefined> => web
    const client = fakeClient(captured(), { engine: fakeEngine(captured(), { container: () => container() }) })
    expect(await inspectOrLastKnown(web.id, client, signal)).toBe(web)
    container = inspect
    expect(await inspectOrLastKnown(web.id, client, signal)).toBe(web)
    expect(await inspectOrLastKnown('never-seen', client, signal)).toBeUndefined()
  })
})
