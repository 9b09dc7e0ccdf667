import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { bootId, fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { reboot } from './reboot.ts'

describe('reboot', () => {
  const client = (id: string | undefined, startedAt: string): ServerClient => ({
    ...openFixture(fixtureRoot()),
    boot: async () => ({ id, startedAt: new Date(startedAt) }),
  })
  const watch = async (opened: ServerClient, cursor?: string) => {
    const context = watchContext({ steps: [idle], cursor })
    await runWatcher(reboot, opened, context)
    return context
  }

  test('reports another boot id as a reboot, with the time it was last seen', async () => {
    const cursor = JSON.stringify({ bootId: 'previous boot', seenAt: '2026-11-22T08:00:00.000Z' })
    const rebooted = await watch(client(bootId, '2026-11-22T08:50:00.000Z'), cursor)
    expect(rebooted.events()).toMatchObject([
      {
        id: `host.rebooted/${bootId}`,
        name: 'host.rebooted',
        at: '2026-11-22T08:50:00.000Z',
        body: 'web-1 was rebooted; it was last seen running at 2026-11-22T08:00:00.000Z',
        attributes: {
          'server.boot.id': bootId,
          'server.boot.previous_id': 'previous boot',
          'server.boot.last_seen': '2026-11-22T08:00:00.000Z',
        },
      },
    ])
  })

  test.each([
    ['on the first run of an agent', undefined],
    ['after a restart of the agent', JSON.stringify({ bootId, seenAt: '2026-11-22T08:00:00.000Z' })],
    ['with a damaged cursor', '{"bootId":'],
  ])('reports nothing %s, and saves every minute', async (_when, cursor) => {
    const { emitted, cursors, sleeps } = await watch(openFixture(fixtureRoot()), cursor)
    expect(emitted).toEqual([])
    expect(sleeps).toEqual(['1m', '1m'])
    expect(cursors.map((saved) => JSON.parse(saved))).toEqual([
      { bootId, seenAt: '2026-11-22T09:00:00.000Z' },
      { bootId, seenAt: '2026-11-22T09:01:00.000Z' },
    ])
  })

  test('compares times where the system has no boot ids', async () => {
    const cursor = JSON.stringify({ seenAt: '2026-11-22T08:00:00.000Z' })
    const rebooted = await watch(client(undefined, '2026-11-22T08:00:01.000Z'), cursor)
    expect(rebooted.events()).toMatchObject([{ name: 'host.rebooted' }])
    expect(rebooted.events()[0]).not.toHaveProperty('id')
    const same = await watch(client(undefined, '2026-11-21T08:00:00.000Z'), cursor)
    expect(same.emitted).toEqual([])
  })
})
