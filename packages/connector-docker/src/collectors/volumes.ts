import type { Collector } from '@rca/core/connector'
import { volumeId } from '../container-attributes.ts'
import type { DockerClient } from '../docker-client.ts'
import { signals } from '../signals.ts'

/** The engine's volumes. */
export const volumes: Collector<DockerClient> = {
  async collect({ engine, entity }, { signal }) {
    const all = await engine.volumes(signal)
    return {
      entities: all.map(({ name, driver, created }) =>
        signals.volume.entity({
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
