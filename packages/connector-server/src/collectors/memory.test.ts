import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { memory } from './memory.ts'

describe('memory', () => {
  test('reports states that add up to the limit', async () => {
    const collected = pointsOf(await memory.collect(openFixture(fixtureRoot()), collectContext()))
    const states = ['used', 'free', 'buffers', 'cached'].map(
      (state) => collected[`system.memory.usage{state=${state}}`]!,
    )
    expect(states.every((bytes) => bytes > 0)).toBe(true)
    expect(states.reduce((sum, bytes) => sum + bytes)).toBe(collected['system.memory.limit{}'])
    expect(collected['system.memory.utilization{}']).toBeCloseTo(
      1 - collected['system.memory.linux.available{}']! / (24684084 * 1024),
    )
  })

  test('leaves out what Windows does not count', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      platform: 'win32',
      memory: async () => ({ total: 100, free: 30, available: 40, buffers: undefined, cached: undefined }),
    }
    expect(pointsOf(await memory.collect(client, collectContext()))).toEqual({
      'system.memory.limit{}': 100,
      'system.memory.utilization{}': 0.6,
      'system.memory.usage{state=used}': 70,
      'system.memory.usage{state=free}': 30,
    })
  })
})
