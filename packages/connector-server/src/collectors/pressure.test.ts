import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { pressure } from './pressure.ts'

describe('pressure', () => {
  test('reports every resource of a captured machine', async () => {
    const names = Object.keys(pointsOf(await pressure.collect(openFixture(fixtureRoot()), collectContext())))
    expect(names.filter((name) => name.startsWith('server.pressure.share'))).toEqual([
      'server.pressure.share{resource=cpu,kind=some}',
      'server.pressure.share{resource=io,kind=some}',
      'server.pressure.share{resource=io,kind=full}',
      'server.pressure.share{resource=memory,kind=some}',
      'server.pressure.share{resource=memory,kind=full}',
    ])
  })

  test('reports nothing on a kernel without pressure stall information', async () => {
    const root = fixtureRoot()
    root.remove('proc/pressure')
    expect(await pressure.collect(openFixture(root), collectContext())).toEqual({ metrics: [] })
  })
})
