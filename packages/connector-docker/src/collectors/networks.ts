import type { Collector } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import { signals } from '../signals.ts'

/** The engine's networks. */
export const networks: Collector<DockerClient> = {
  async collect({ engine, entity }, { signal }) {
    const all = await engine.networks(signal)
    return {
      entities: all.map((network) =>
        signals.network.entity({
          id: network.id,
          name: network.name,
          attributes: {
            'docker.network.name': network.name,
            'docker.network.driver': network.driver,
            'docker.network.scope': network.scope,
            'docker.network.internal': network.internal,
            'docker.network.subnets': network.subnets,
          },
          relations: [{ type: 'runs_on', target: entity }],
        }),
      ),
    }
  },
  interval: '60s',
}
