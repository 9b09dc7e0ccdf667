import { releaseEngine } from './docker/shared-engine.ts'
import { releaseCluster } from './kubernetes/shared-cluster.ts'
import { beginTestRun } from './test-run.ts'

/** Vitest calls it once before all tests, and what it returns after them: what tests have started is stopped. */
export function setup(): () => Promise<void> {
  const run = beginTestRun()
  return async () =>
    void (await Promise.all([releaseEngine(run), ...levels.map((level) => releaseCluster(level, run))]))
}

const levels = ['api-server', 'node'] as const
