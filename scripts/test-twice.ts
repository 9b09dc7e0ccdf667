/**
 * Runs all tests as `vitest run` does, and files with a failed test once more, alone: a test that needs a quiet machine
 * must not fail a whole run. A test that passes then is printed as `FLAKY`; one that fails again has failed. The
 * argument is the number of seconds after which nothing is run again.
 */
import { createVitest, type TestModule } from 'vitest/node'

/** More files fail because of a defect, or of the machine. */
const MAX_FILES_AGAIN = 3

const [, , seconds] = process.argv
const vitest = await createVitest('test', { watch: false })
const { testModules, unhandledErrors } = await vitest.start()
const failed = testModules.filter((module) => !module.ok())
if (mayRunAgain(failed)) {
  process.exitCode = 0
  for (const module of failed) {
    console.log(`\nOnce more, alone: ${module.relativeModuleId}`)
    await vitest.runTestSpecifications([module.toTestSpecification()])
  }
}
await vitest.exit()

function mayRunAgain(files: readonly TestModule[]): boolean {
  const isInTime = performance.now() / 1000 < Number(seconds)
  return unhandledErrors.length === 0 && files.length > 0 && files.length <= MAX_FILES_AGAIN && isInTime
}
