import { describe, expect, test } from 'vitest'
import { collectContext } from '../../test/contexts.ts'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { points } from '../../test/points.ts'
import { pressure } from './pressure.ts'

describe('pressure', () => {
  test('of the captured machine', async () => {
    const names = Object.keys(points(await pressure.collect(openFixture(fixtureRoot()), collectContext())))
    expect(names.filter((name) => name.startsWith('server.pressure.share'))).toEqual([
      'server.pressure.share{resource=cpu,kind=some}',
      'server.pressure.share{resource=io,kind=some}',
      'server.pressure.share{resource=io,kind=full}',
      'server.pressure.share{resource=memory,kind=some}',
      'server.pressure.share{resource=memory,kind=full}',
    ])
  })

  test('a kernel without it is no failure', async () => {
    const root = fixtureRoot()
    root.remove('proc/pressure')
    expect(await pressure.collect(openFixture(root), collectContext())).toEqual({ metrics: [] })
  })
})
