import { expect, test } from 'vitest'
import { collectContext } from '../../test/contexts.ts'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { points } from '../../test/points.ts'
import { uptime } from './uptime.ts'

test('uptime', async () => {
  const root = fixtureRoot()
  root.write('proc/uptime', '910.84 1736.32\n')
  expect(points(await uptime.collect(openFixture(root), collectContext()))).toEqual({ 'system.uptime{}': 910.84 })
  root.write('proc/uptime', '')
  await expect(uptime.collect(openFixture(root), collectContext())).rejects.toThrow('`proc/uptime` holds no number')
})
