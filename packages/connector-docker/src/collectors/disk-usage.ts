import type { Collector } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import { signals } from '../signals.ts'

/** What images, containers, volumes and the build cache take on the engine's disk. The engine measures every file for it. */
export const diskUsage: Collector<DockerClient> = {
  async collect({ engine, entity }, { signal }) {
    const used = await engine.diskUsage(signal)
    const point = (bytes: number | undefined, use: string) =>
      signals.engineDiskUsage.point(bytes, entity, { 'docker.disk.use': use })
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
