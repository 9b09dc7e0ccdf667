import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { paging } from './paging.ts'

describe('paging', () => {
  test('reports usage, operations and faults', async () => {
    const root = fixtureRoot()
    root.write('proc/meminfo', 'SwapTotal: 100 kB\nSwapFree: 75 kB\n')
    root.write('proc/vmstat', 'pswpin 3\npswpout 4\npgfault 50\npgmajfault 5\n')
    expect(pointsOf(await paging.collect(openFixture(root), collectContext()))).toEqual({
      'system.paging.usage{state=used}': 25600,
      'system.paging.usage{state=free}': 76800,
      'system.paging.utilization{}': 0.25,
      'system.paging.operations{direction=in}': 3,
      'system.paging.operations{direction=out}': 4,
      'system.paging.faults{type=major}': 5,
      'system.paging.faults{type=minor}': 45,
    })
  })

  test('reports no utilization without swap space, and no counts without counters', async () => {
    const root = fixtureRoot()
    root.remove('proc/vmstat')
    expect(pointsOf(await paging.collect(openFixture(root), collectContext()))).toEqual({
      'system.paging.usage{state=used}': 0,
      'system.paging.usage{state=free}': 0,
    })
  })
})
