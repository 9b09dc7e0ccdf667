import { describe, expect, test } from 'vitest'
import { events, nothing, watchContext, watchToEnd } from '../../test/contexts.ts'
import { bootId, fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { reboot } from './reboot.ts'

describe('reboot', () => {
  const client = (id: string | undefined, startedAt: string): ServerClient => ({
    ...openFixture(fixtureRoot()),
    boot: async () => ({ id, startedAt: new Date(startedAt) }),
  })
  const watch = async (opened: ServerClient, cursor?: string) => {
    const context = watchContext([nothing], cursor)
    await watchToEnd(reboot.watch(opened, context), context)
    return context
  }

  test('another boot id is a reboot: when, and when it was last seen before', async () => {
    const cursor = JSON.stringify({ bootId: 'before', seenAt: '2026-11-22T08:00:00.000Z' })
    const { emitted } = await watch(client(bootId, '2026-11-22T08:50:00.000Z'), cursor)
    expect(events(emitted)).toMatchObject([
      {
        id: `host.rebooted/${bootId}`,
        name: 'host.rebooted',
        at: '2026-11-22T08:50:00.000Z',
        body: 'web-1 was started anew; it was last seen running at 2026-11-22T08:00:00.000Z',
        attributes: {
          'server.boot.id': bootId,
          'server.boot.previous_id': 'before',
          'server.boot.last_seen': '2026-11-22T08:00:00.000Z',
        },
      },
    ])
  })

  test.each([
    ['for the first time', undefined],
    ['again', JSON.stringify({ bootId, seenAt: '2026-11-22T08:00:00.000Z' })],
    ['after its state was spoilt', '{"bootId":'],
  ])('seen %s it is none, and is saved every minute', async (_name, cursor) => {
    const { emitted, cursors, slept } = await watch(openFixture(fixtureRoot()), cursor)
    expect(emitted).toEqual([])
    expect(slept).toEqual(['1m', '1m'])
    expect(cursors.map((saved) => JSON.parse(saved))).toEqual([
      { bootId, seenAt: '2026-11-22T09:00:00.000Z' },
      { bootId, seenAt: '2026-11-22T09:01:00.000Z' },
    ])
  })

  test('without ids, a machine that started after it was seen has been rebooted', async () => {
    const cursor = JSON.stringify({ seenAt: '2026-11-22T08:00:00.000Z' })
    const rebooted = await watch(client(undefined, '2026-11-22T08:00:01.000Z'), cursor)
    expect(events(rebooted.emitted)).toMatchObject([{ name: 'host.rebooted' }])
    expect(events(rebooted.emitted)[0]).not.toHaveProperty('id')
    const same = await watch(client(undefined, '2026-11-21T08:00:00.000Z'), cursor)
    expect(same.emitted).toEqual([])
  })
})
