import { type Collector, entity } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'

export const networkSignals = {
  network: entity({
    type: 'docker.network',
    description: 'A network of the engine.',
    attributes: {
      'docker.network.name': 'Name of the network.',
      'docker.network.driver': 'Network driver, such as `bridge`.',
      'docker.network.scope': '`local`, `swarm` or `global`.',
      'docker.network.internal': 'Whether the network has no external access.',
      'docker.network.subnets': 'Subnets of the network.',
    },
    relations: { runs_on: 'The engine.' },
  }),
}

export const networks: Collector<DockerClient> = {
  async collect({ engine, entity }, { signal }) {
    const all = await engine.networks(signal)
    return {
      entities: all.map((network) =>
        networkSignals.network.entity({
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
