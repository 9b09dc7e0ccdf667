import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { cpu } from './cpu.ts'

describe('cpu', () => {
  const line = (ticks: number[]) => ` ${ticks.join(' ')}\n`

  test('computes shares of the time since the last collection', async () => {
    const root = fixtureRoot()
    root.write(
      'proc/stat',
      `cpu ${line([100, 0, 100, 800, 100, 0, 0, 0])}cpu0${line([50, 0, 50, 400, 50, 0, 0, 0])}cpu1${line([50, 0, 50, 400, 50, 0, 0, 0])}processes 7\n`,
    )
    const client = openFixture(root)
    const context = collectContext()
    context.swapState(await client.cpu())
    // 400 ticks in total: 100 user, 60 system, 20 interrupt, 20 steal, 150 idle, 50 iowait. cpu2 came online.
    root.write(
      'proc/stat',
      `cpu ${line([200, 0, 160, 950, 150, 10, 10, 20])}cpu0${line([150, 0, 110, 410, 50, 10, 10, 10])}cpu1${line([50, 0, 50, 540, 100, 0, 0, 10])}cpu2${line([1, 0, 0, 1, 0, 0, 0, 0])}processes 9\n`,
    )
    const collected = pointsOf(await cpu.collect(client, context))
    expect(collected).toMatchObject({
      'system.cpu.utilization{}': 0.5,
      'system.cpu.utilization{mode=user}': 0.25,
      'system.cpu.utilization{mode=iowait}': 0.125,
      'system.cpu.utilization{mode=interrupt}': 0.05,
      'system.cpu.time{mode=user}': 2,
      'system.cpu.time{mode=idle}': 9.5,
      'system.cpu.logical.count{}': 3,
      'system.process.created{}': 9,
    })
    expect(collected['system.cpu.utilization{logical_number=0}']).toBeCloseTo(190 / 200)
    expect(collected['system.cpu.utilization{logical_number=1}']).toBeCloseTo(10 / 200)
    expect(collected).not.toHaveProperty('system.cpu.utilization{logical_number=2}')
  })

  test('compares the first collection with the reading at connect', async () => {
    const root = fixtureRoot()
    root.write('proc/stat', `cpu ${line([0, 0, 0, 100])}cpu0${line([0, 0, 0, 100])}`)
    const client = openFixture(root)
    root.write('proc/stat', `cpu ${line([30, 0, 0, 170])}cpu0${line([30, 0, 0, 170])}`)
    expect(pointsOf(await cpu.collect(client, collectContext()))).toMatchObject({
      'system.cpu.utilization{}': expect.closeTo(0.3),
    })
  })

  test('reports no share when no time passed, and counts decreasing times as 0', async () => {
    const root = fixtureRoot()
    root.write('proc/stat', `cpu ${line([50, 0, 0, 100, 20])}`)
    const client = openFixture(root)
    const context = collectContext()
    context.swapState(await client.cpu())
    const still = pointsOf(await cpu.collect(client, context))
    expect(Object.keys(still).filter((name) => name.startsWith('system.cpu.utilization'))).toEqual([])
    root.write('proc/stat', `cpu ${line([60, 0, 0, 130, 10])}`)
    expect(pointsOf(await cpu.collect(client, context))).toMatchObject({
      'system.cpu.utilization{}': expect.closeTo(0.25),
      'system.cpu.utilization{mode=iowait}': 0,
    })
  })

  test('stops waiting for the second reading on abort', async () => {
    const client = openFixture(fixtureRoot())
    await expect(
      cpu.collect(client, collectContext({ signal: AbortSignal.abort(new Error('stopped')) })),
    ).rejects.toThrow('abort')
  })
})
