import { describe, expect, test } from 'vitest'
import { collectContext } from '../../test/contexts.ts'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { points } from '../../test/points.ts'
import type { ServerClient } from '../client/server-client.ts'
import { memory } from './memory.ts'

describe('memory', () => {
  test('the states add up to the limit', async () => {
    const collected = points(await memory.collect(openFixture(fixtureRoot()), collectContext()))
    const states = ['used', 'free', 'buffers', 'cached'].map(
      (state) => collected[`system.memory.usage{state=${state}}`]!,
    )
    expect(states.every((bytes) => bytes > 0)).toBe(true)
    expect(states.reduce((sum, bytes) => sum + bytes)).toBe(collected['system.memory.limit{}'])
    expect(collected['system.memory.utilization{}']).toBeCloseTo(
      1 - collected['system.memory.linux.available{}']! / (24684084 * 1024),
    )
  })

  test('on another system, what it does not count is left out', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      platform: 'win32',
      memory: async () => ({ total: 100, free: 30, available: 40, buffers: undefined, cached: undefined }),
    }
    expect(points(await memory.collect(client, collectContext()))).toEqual({
      'system.memory.limit{}': 100,
      'system.memory.utilization{}': 0.6,
      'system.memory.usage{state=used}': 70,
      'system.memory.usage{state=free}': 30,
    })
  })
})
