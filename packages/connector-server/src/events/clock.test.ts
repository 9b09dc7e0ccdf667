import { describe, expect, test } from 'vitest'
import { events, nothing, watchContext, watchToEnd } from '../../test/contexts.ts'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { clock } from './clock.ts'

describe('clock', () => {
  const watch = async (step: (clock: { now: Date }, uptime: { seconds: number }) => void) => {
    const uptime = { seconds: 1000 }
    const client: ServerClient = { ...openFixture(fixtureRoot()), uptime: async () => uptime.seconds }
    const context = watchContext([
      (now) => {
        uptime.seconds += 10
        step(now, uptime)
      },
      () => {
        uptime.seconds += 10
      },
    ])
    await watchToEnd(clock.watch(client, context), context)
    return events(context.emitted)
  }

  test.each([
    [90_000, 90, 'The clock of web-1 was set forward by 90 s'],
    [-1500, -1.5, 'The clock of web-1 was set back by 1.5 s'],
  ])('a step of %d ms', async (milliseconds, seconds, body) => {
    const stepped = await watch((now) => {
      now.now = new Date(now.now.getTime() + milliseconds)
    })
    expect(stepped).toMatchObject([{ name: 'host.clock_stepped', body, attributes: { 'server.clock.step': seconds } }])
  })

  test('neither a small one nor a suspended machine is a step', async () => {
    expect(
      await watch((now) => {
        now.now = new Date(now.now.getTime() + 900)
      }),
    ).toEqual([])
    const suspended = await watch((now, uptime) => {
      now.now = new Date(now.now.getTime() + 3_600_000)
      uptime.seconds += 3600
    })
    expect(suspended).toEqual([])
  })

  test('a look that was interrupted says nothing', async () => {
    const context = watchContext([nothing, nothing])
    let looks = 0
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      uptime: async () => {
        looks += 1
        return looks * 10
      },
    }
    const interrupted = { ...context, now: () => (looks === 2 ? new Date(0) : context.now()) }
    await watchToEnd(clock.watch(client, interrupted), context)
    expect(context.emitted).toEqual([])
  })
})
