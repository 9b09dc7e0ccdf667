import { type Collector, entity } from '@rca/core/connector'
import { volumeId } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'

export const volumeSignals = {
  volume: entity({
    type: 'docker.volume',
    description: 'A volume of the engine.',
    attributes: {
      'docker.volume.name': 'Name of the volume.',
      'docker.volume.driver': 'Volume driver, such as `local`.',
      'docker.volume.created': 'Creation time. ISO 8601.',
    },
    relations: { runs_on: 'The engine.' },
  }),
}

export const volumes: Collector<DockerClient> = {
  async collect({ engine, entity }, { signal }) {
    const all = await engine.volumes(signal)
    return {
      entities: all.map(({ name, driver, created }) =>
        volumeSignals.volume.entity({
          id: volumeId(entity, name),
          name,
          attributes: {
            'docker.volume.name': name,
            'docker.volume.driver': driver,
            'docker.volume.created': created,
          },
          relations: [{ type: 'runs_on', target: entity }],
        }),
      ),
    }
  },
  interval: '60s',
}
