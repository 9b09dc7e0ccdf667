import { type Collector, entity, mergeSignals, metric, type Signals } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { EngineInfo } from '../engine/engine-api.ts'

export const engineSignals = {
  engine: entity({
    type: 'docker.engine',
    description: 'A Docker Engine.',
    attributes: {
      'docker.engine.version': 'Version of the engine.',
      'docker.engine.api_version': 'Newest API version that the engine supports.',
      'docker.engine.storage_driver': 'Storage driver, such as `overlay2`.',
      'docker.engine.cgroup_version': 'Version of the control groups: `1` or `2`.',
      'docker.engine.live_restore': 'Whether containers keep running while the engine restarts.',
      'host.name': 'Name of the host.',
      'host.arch': 'Architecture of the host.',
      'os.type': '`linux` or `windows`.',
      'os.description': 'Name and version of the operating system.',
      'docker.engine.kernel_version': 'Release of the kernel.',
      'docker.engine.cpus': 'Number of CPUs available to the engine.',
      'docker.engine.memory': 'Memory available to the engine, in bytes.',
    },
    relations: { runs_on: 'The host, with the id that the server connector uses, when the machine id can be read.' },
  }),
  host: entity({
    type: 'host',
    description: 'The machine on which the engine runs, with the id that the server connector uses.',
    attributes: { 'host.name': 'Name of the host.', 'host.id': 'Hash of the machine id.' },
  }),
  engineContainers: metric({
    name: 'docker.engine.containers',
    unit: '{container}',
    kind: 'updowncounter',
    description: 'Number of containers by state.',
    attributes: { 'container.state': '`running`, `paused` or `stopped` (every other state).' },
  }),
  engineClockOffset: metric({
    name: 'docker.engine.clock_offset',
    unit: 's',
    kind: 'gauge',
    description: 'Time by which the clock of the engine is ahead of the agent’s. 0 for less than two seconds.',
  }),
  engineImages: metric({
    name: 'docker.engine.images',
    unit: '{image}',
    kind: 'updowncounter',
    description: 'Number of images on the engine.',
  }),
}

/** Collects the engine, its host, and the number of containers and images. */
export const engine: Collector<DockerClient> = {
  async collect(client, { signal, now }) {
    const askedAt = now().getTime()
    const info = await client.engine.info(signal)
    client.clock.measure(info.systemTime, askedAt, now().getTime())
    return mergeSignals([toSignals(info, client), hostEntity(client)])
  },
  interval: '30s',
}

function toSignals(info: EngineInfo, { entity, host, clock }: DockerClient): Signals {
  return {
    entities: [
      engineSignals.engine.entity({
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
        engineSignals.engineContainers.point(count, entity, { 'container.state': state }),
      ),
      engineSignals.engineImages.point(info.images, entity),
      engineSignals.engineClockOffset.point(
        info.systemTime === undefined ? undefined : clock.offsetMs() / 1000,
        entity,
      ),
    ],
  }
}

function hostEntity({ host, info }: DockerClient): Signals {
  if (host === undefined) return {}
  const attributes = { 'host.name': info.name, 'host.id': host.id }
  return { entities: [engineSignals.host.entity({ id: host.id, name: info.name, attributes })] }
}
