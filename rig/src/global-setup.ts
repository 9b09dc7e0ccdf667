import { releaseEngine } from './docker/shared-engine.ts'
import { beginTestRun } from './test-run.ts'

/** Vitest calls it once before all tests, and what it returns after them: what tests have started is stopped. */
export function setup(): () => Promise<void> {
  const run = beginTestRun()
  return async () => void (await releaseEngine(run))
}
