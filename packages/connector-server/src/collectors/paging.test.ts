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

  const swapSpace = async (lines: string) => {
    const root = fixtureRoot()
    root.write('proc/meminfo', lines)
    root.remove('proc/vmstat')
    const { gaps, ...signals } = await paging.collect(openFixture(root), collectContext())
    return { gaps, points: pointsOf(signals) }
  }

  test.each([
    ['no swap space, and a negative free one', 'SwapTotal: 0 kB\nSwapFree: 18446744073709346016 kB\n', 0, 0],
    ['no swap space, and free one', 'SwapTotal: 0 kB\nSwapFree: 2097148 kB\n', 0, 0],
    ['more free swap space than there is', 'SwapTotal: 1024 kB\nSwapFree: 2048 kB\n', 0, 1048576],
  ])('corrects %s', async (_what, lines, used, free) => {
    const { points, gaps } = await swapSpace(lines)
    expect(gaps).toEqual([])
    expect(points).toMatchObject({
      'system.paging.usage{state=used}': used,
      'system.paging.usage{state=free}': free,
    })
  })

  test('reports a gap for a negative amount of free swap space', async () => {
    const { points, gaps } = await swapSpace('SwapTotal: 1024 kB\nSwapFree: 18446744073709346016 kB\n')
    expect(points).toEqual({})
    expect(gaps).toEqual([{ scope: 'swap', reason: 'the system states an impossible amount of swap space' }])
  })
})
