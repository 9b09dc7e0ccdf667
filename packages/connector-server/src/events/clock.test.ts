import { idle, type ManualClock, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { clock } from './clock.ts'

describe('clock', () => {
  /** Runs the watcher for three readings. `change` runs between the first and the second. */
  const eventsAfter = async (change: (clock: ManualClock, uptime: { seconds: number }) => void) => {
    const uptime = { seconds: 1000 }
    const client: ServerClient = { ...openFixture(fixtureRoot()), uptime: async () => uptime.seconds }
    const context = watchContext({
      steps: [
        (time) => {
          uptime.seconds += 10
          change(time, uptime)
        },
        () => {
          uptime.seconds += 10
        },
      ],
    })
    await runWatcher(clock, client, context)
    return context.events()
  }
  const shift = (time: ManualClock, milliseconds: number): void =>
    time.set(new Date(time.now().getTime() + milliseconds))

  test.each([
    [90_000, 90, 'The clock of web-1 was set forward by 90 s'],
    [-1500, -1.5, 'The clock of web-1 was set back by 1.5 s'],
  ])('reports a step of %d ms', async (milliseconds, seconds, body) => {
    expect(await eventsAfter((time) => shift(time, milliseconds))).toMatchObject([
      { name: 'host.clock_stepped', body, attributes: { 'server.clock.step': seconds } },
    ])
  })

  test('ignores a step of less than a second', async () => {
    expect(await eventsAfter((time) => shift(time, 900))).toEqual([])
  })

  test('ignores that the machine was suspended', async () => {
    const suspended = await eventsAfter((time, uptime) => {
      time.advance('1h')
      uptime.seconds += 3600
    })
    expect(suspended).toEqual([])
  })

  test('ignores a reading that was interrupted', async () => {
    const context = watchContext({ steps: [idle, idle] })
    let readings = 0
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      uptime: async () => {
        readings += 1
        return readings * 10
      },
    }
    const interrupted = { ...context, now: () => (readings === 2 ? new Date(0) : context.now()) }
    await runWatcher(clock, client, interrupted)
    expect(context.emitted).toEqual([])
  })
})
