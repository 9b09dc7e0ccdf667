import { runCollector } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fakeClient } from '../../test/fake-engine.ts'
import { captured, engineNames } from '../../test/fixtures.ts'
import { volumes } from './volumes.ts'

describe('volumes', () => {
  test.each(engineNames)('collects the volumes of %s, with ids that are unique among engines', async (name) => {
    const of = captured(name)
    const { entities = [] } = await runCollector(volumes, fakeClient(of))
    expect(entities).toHaveLength(2)
    expect(entities.find((entity) => entity?.name === 'shop-data')).toEqual({
      type: 'docker.volume',
      id: `${of.info.id}/shop-data`,
      name: 'shop-data',
      attributes: {
        'docker.volume.name': 'shop-data',
        'docker.volume.driver': 'local',
        'docker.volume.created': expect.stringMatching(/^2026-11-24T/),
      },
      relations: [{ type: 'runs_on', target: { type: 'docker.engine', id: of.info.id } }],
    })
  })
})
