import { expect, test } from 'vitest'
import { collectContext } from '../../test/contexts.ts'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { points } from '../../test/points.ts'
import { diskUsage } from './disk-usage.ts'

test.each(engineNames)('what %s has on its disk', async (name) => {
  const collected = points(await diskUsage.collect(fakeClient(captured(name)), collectContext()))
  expect(collected).toMatchObject({ 'docker.engine.disk.usage{use=volumes}': 4_194_304 })
})

test('what the engine does not say is left out', async () => {
  const of = captured(exactEngine)
  expect(points(await diskUsage.collect(fakeClient(of), collectContext()))).toEqual({
    'docker.engine.disk.usage{use=images}': 1_984_132,
    'docker.engine.disk.usage{use=containers}': 0,
    'docker.engine.disk.usage{use=volumes}': 4_194_304,
  })
  const engine = fakeEngine(of, {
    diskUsage: async () => ({ images: undefined, containers: undefined, volumes: undefined, buildCache: 5 }),
  })
  expect(points(await diskUsage.collect(fakeClient(of, { engine }), collectContext()))).toEqual({
    'docker.engine.disk.usage{use=build_cache}': 5,
  })
})
