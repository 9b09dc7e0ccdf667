import { collectContext, pointsOf, runCollector } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { engine } from './engine.ts'

describe('engine', () => {
  test('collects exact values of one engine', async () => {
    const of = captured(exactEngine)
    const now = () => new Date('2026-11-24T23:31:59Z')
    const collected = await runCollector(engine, fakeClient(of), collectContext({ now }))
    expect(collected.entities).toEqual([
      {
        type: 'docker.engine',
        id: of.info.id,
        name: 'vm',
        attributes: {
          'docker.engine.version': '20.10.24+dfsg1',
          'docker.engine.api_version': '1.41',
          'docker.engine.storage_driver': 'overlay2',
          'docker.engine.cgroup_version': '1',
          'docker.engine.live_restore': false,
          'docker.engine.kernel_version': '6.18.44-fc-v657',
          'docker.engine.cpus': 2,
          'docker.engine.memory': 25_276_510_208,
          'host.name': 'vm',
          'host.arch': 'x86_64',
          'os.type': 'linux',
          'os.description': 'Debian GNU/Linux 12 (bookworm)',
        },
        relations: [],
      },
    ])
    expect(pointsOf(collected)).toEqual({
      'docker.engine.containers{state=running}': 5,
      'docker.engine.containers{state=paused}': 1,
      'docker.engine.containers{state=stopped}': 4,
      'docker.engine.images{}': 1,
      'docker.engine.clock_offset{}': -599.958,
    })
  })

  test.each(engineNames)('collects the host of %s when it is known', async (name) => {
    const host = { type: 'host', id: 'hash of an id' }
    const { entities = [] } = await runCollector(engine, fakeClient(captured(name), { host }))
    expect(entities.map((entity) => entity?.type)).toEqual(['docker.engine', 'host'])
    expect(entities[0]?.relations).toEqual([{ type: 'runs_on', target: host }])
    expect(entities[1]).toMatchObject({ id: host.id, attributes: { 'host.id': host.id } })
  })

  test('collects the current answer, without values that it leaves out', async () => {
    const of = captured(exactEngine)
    const info = {
      ...of.info,
      version: '29.0.0',
      containersByState: {},
      images: undefined,
      liveRestore: undefined,
      systemTime: undefined,
    }
    const client = fakeClient(of, { engine: fakeEngine(of, { info: async () => info }) })
    const collected = await runCollector(engine, client)
    expect(collected.entities?.[0]?.attributes).toMatchObject({ 'docker.engine.version': '29.0.0' })
    expect(collected.entities?.[0]?.attributes).not.toHaveProperty('docker.engine.live_restore')
    expect(pointsOf(collected)).toEqual({})
  })
})
