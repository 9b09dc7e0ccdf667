import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a test run with a line `FAILED where: why` for each failure, and with `N passed, N failed, N skipped` as the
 * last line. A module that could not be loaded, a suite whose hook failed and an error outside every test count as
 * one failure each.
 */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly ErrorLike[]): void {
    const count = { passed: 0, skipped: 0, pending: 0 }
    const failures = unhandledErrors.map((error) => failureOf('outside every test', [error]))
    for (const module of modules) {
      failures.push(...module.errors().map((error) => failureOf(module.moduleId, [error])))
      for (const suite of module.children.allSuites())
        failures.push(...suite.errors().map((error) => failureOf(`${module.moduleId} > ${suite.fullName}`, [error])))
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result()
        if (state === 'failed') failures.push(failureOf(`${module.moduleId} > ${test.fullName}`, errors))
        else count[state] += 1
      }
    }
    // The coverage report is printed after this hook; only `exit` comes later.
    process.once('exit', () => {
      for (const failure of failures) console.log(failure)
      console.log(`${count.passed} passed, ${failures.length} failed, ${count.skipped + count.pending} skipped`)
    })
  }
}

interface ErrorLike {
  readonly message?: string
}

const MAX_REASON_LENGTH = 500

/** Describes a failure on one line. */
function failureOf(where: string, errors: readonly ErrorLike[]): string {
  const reason = errors.map(({ message }) => message ?? 'no message').join('; ')
  const place = where.replace(`${process.cwd()}/`, '')
  return `FAILED ${place}: ${reason.slice(0, MAX_REASON_LENGTH)}`.replace(/\s+/g, ' ')
}

// Vitest loads a reporter given by path from the module's default export.
export default CountReporter
