import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { memoryPressure } from './memory-pressure.ts'

async function watch(shares: number[]) {
  let next = 0
  const client: ServerClient = {
    ...openFixture(fixtureRoot()),
    pressure: async () => {
      const share = shares[Math.min(next++, shares.length - 1)]
      return share === undefined ? [] : [{ resource: 'memory', kind: 'full', share, total: 1 }]
    },
  }
  const context = watchContext({ steps: shares.slice(1).map(() => idle) })
  await runWatcher(memoryPressure, client, context)
  return context
}

describe('memoryPressure', () => {
  test('reports lasting pressure once, and its end', async () => {
    const events = (await watch([0, 0.4, 0.5, 0.6, 0.6, 0.05, 0.01, 0, 0, 0])).events()
    expect(events.map(({ name, severity, at }) => ({ name, severity, at }))).toEqual([
      { name: 'host.memory_pressure', severity: 'warning', at: '2026-11-22T09:00:30.000Z' },
      { name: 'host.memory_pressure_ended', severity: 'info', at: '2026-11-22T09:01:20.000Z' },
    ])
    expect(events[0]?.body).toMatch(/wait for memory 60 % of the time: \d+ % of it is available$/)
  })

  test('does not report a moment of pressure', async () => {
    expect((await watch([0.9, 0.9, 0, 0.9, 0.9, 0])).events()).toEqual([])
  })

  test('ends where the kernel has no pressure stall information', async () => {
    expect((await watch([])).sleeps).toEqual([])
  })
})
