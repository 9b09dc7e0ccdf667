import { pointsOf, runCollector } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { diskUsage } from './disk-usage.ts'

describe('diskUsage', () => {
  test.each(engineNames)('collects the disk usage of %s', async (name) => {
    const collected = pointsOf(await runCollector(diskUsage, fakeClient(captured(name))))
    expect(collected).toMatchObject({ 'docker.engine.disk.usage{use=volumes}': 4_194_304 })
  })

  test('leaves out values that the engine does not report', async () => {
    const of = captured(exactEngine)
    expect(pointsOf(await runCollector(diskUsage, fakeClient(of)))).toEqual({
      'docker.engine.disk.usage{use=images}': 1_984_132,
      'docker.engine.disk.usage{use=containers}': 0,
      'docker.engine.disk.usage{use=volumes}': 4_194_304,
    })
    const engine = fakeEngine(of, {
      diskUsage: async () => ({ images: undefined, containers: undefined, volumes: undefined, buildCache: 5 }),
    })
    expect(pointsOf(await runCollector(diskUsage, fakeClient(of, { engine })))).toEqual({
      'docker.engine.disk.usage{use=build_cache}': 5,
    })
  })
})
