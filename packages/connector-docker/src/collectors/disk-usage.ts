import { type Collector, metric } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'

export const diskUsageSignals = {
  engineDiskUsage: metric({
    name: 'docker.engine.disk.usage',
    unit: 'By',
    kind: 'gauge',
    description: 'Disk space used by the engine.',
    attributes: { 'docker.disk.use': '`images`, `containers`, `volumes` or `build_cache`.' },
  }),
}

/** Collects the disk space of images, containers, volumes and the build cache. Costly: the engine sizes every file. */
export const diskUsage: Collector<DockerClient> = {
  async collect({ engine, entity }, { signal }) {
    const used = await engine.diskUsage(signal)
    const point = (bytes: number | undefined, use: string) =>
      diskUsageSignals.engineDiskUsage.point(bytes, entity, { 'docker.disk.use': use })
    return {
      metrics: [
        point(used.images, 'images'),
        point(used.containers, 'containers'),
        point(used.volumes, 'volumes'),
        point(used.buildCache, 'build_cache'),
      ],
    }
  },
  interval: '1h',
  timeout: '60s',
}
