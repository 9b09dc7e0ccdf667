import { runCollector } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fakeClient } from '../../test/fake-engine.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { networks } from './networks.ts'

describe('networks', () => {
  test('collects exact values of one engine', async () => {
    const of = captured(exactEngine)
    const { entities } = await runCollector(networks, fakeClient(of))
    expect(entities?.map((entity) => entity?.name).toSorted()).toEqual(['bridge', 'host', 'none', 'shop'])
    expect(entities?.find((entity) => entity?.name === 'shop')).toEqual({
      type: 'docker.network',
      id: '8c7ce980227c2cf45950ca8ccb97d9bf3a8a8639d46b10e21a69f7108a5b4536',
      name: 'shop',
      attributes: {
        'docker.network.name': 'shop',
        'docker.network.driver': 'bridge',
        'docker.network.scope': 'local',
        'docker.network.internal': false,
        'docker.network.subnets': ['172.19.0.0/16'],
      },
      relations: [{ type: 'runs_on', target: { type: 'docker.engine', id: of.info.id } }],
    })
  })

  test.each(engineNames)('relates every network of %s to the engine', async (name) => {
    const of = captured(name)
    const { entities = [] } = await runCollector(networks, fakeClient(of))
    expect(entities.length).toBeGreaterThan(1)
    for (const entity of entities) expect(entity?.relations).toMatchObject([{ target: { id: of.info.id } }])
  })
})
