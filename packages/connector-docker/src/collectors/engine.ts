import { type Collector, mergeSignals, type Signals } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { EngineInfo } from '../engine/engine-api.ts'
import { signals } from '../signals.ts'

/** The engine itself, the machine below it, and how many containers and images it has. */
export const engine: Collector<DockerClient> = {
  async collect(client, { signal }) {
    const info = await client.engine.info(signal)
    return mergeSignals([toSignals(info, client), hostSignals(client)])
  },
  interval: '30s',
}

function toSignals(info: EngineInfo, { entity, host }: DockerClient): Signals {
  return {
    entities: [
      signals.engine.entity({
        id: entity.id,
        name: info.name,
        attributes: {
          'docker.engine.version': info.version,
          'docker.engine.api_version': info.apiVersion,
          'docker.engine.storage_driver': info.storageDriver,
          'docker.engine.cgroup_version': info.cgroupVersion,
          'docker.engine.live_restore': info.liveRestore,
          'docker.engine.kernel_version': info.kernelVersion,
          'docker.engine.cpus': info.cpus,
          'docker.engine.memory': info.memory,
          'host.name': info.name,
          'host.arch': info.architecture,
          'os.type': info.osType,
          'os.description': info.operatingSystem,
        },
        relations: host === undefined ? [] : [{ type: 'runs_on', target: host }],
      }),
    ],
    metrics: [
      ...Object.entries(info.containersByState).map(([state, count]) =>
        signals.engineContainers.point(count, entity, { 'container.state': state }),
      ),
      signals.engineImages.point(info.images, entity),
    ],
  }
}

function hostSignals({ host, info }: DockerClient): Signals {
  if (host === undefined) return {}
  const attributes = { 'host.name': info.name, 'host.id': host.id }
  return { entities: [signals.host.entity({ id: host.id, name: info.name, attributes })] }
}
