import { collectContext, pointsOf } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { load } from './load.ts'

test('load reports the three averages, and none on Windows', async () => {
  const root = fixtureRoot()
  root.write('proc/loadavg', '0.10 1.11 2.06 1/90 5903\n')
  const client = openFixture(root)
  expect(pointsOf(await load.collect(client, collectContext()))).toEqual({
    'system.cpu.load_average.1m{}': 0.1,
    'system.cpu.load_average.5m{}': 1.11,
    'system.cpu.load_average.15m{}': 2.06,
  })
  const windows: ServerClient = { ...client, loadAverage: async () => undefined }
  expect(pointsOf(await load.collect(windows, collectContext()))).toEqual({})
})
