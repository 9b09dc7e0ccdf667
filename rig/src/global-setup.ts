import { releaseEngine } from './docker/shared-engine.ts'
import { releaseCluster } from './kubernetes/shared-cluster.ts'
import { releaseArchives } from './shared-archives.ts'
import { beginTestRun } from './shared-resource.ts'

/** Called by Vitest before all tests. The returned function stops what the tests started. */
export function setup(): () => Promise<void> {
  const run = beginTestRun()
  return async () => {
    await Promise.all([
      releaseEngine(run),
      releaseCluster('api-server', run),
      releaseCluster('node', run),
      releaseArchives(run),
    ])
  }
}
