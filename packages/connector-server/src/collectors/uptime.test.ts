import { collectContext, pointsOf } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { uptime } from './uptime.ts'

test('uptime reports seconds since boot, and rejects an unreadable file', async () => {
  const root = fixtureRoot()
  root.write('proc/uptime', '910.84 1736.32\n')
  expect(pointsOf(await uptime.collect(openFixture(root), collectContext()))).toEqual({ 'system.uptime{}': 910.84 })
  root.write('proc/uptime', '')
  await expect(uptime.collect(openFixture(root), collectContext())).rejects.toThrow(
    '`proc/uptime` does not start with a possible number',
  )
})
