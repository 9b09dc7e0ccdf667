import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a test run with a line `FAILED where: why` for each failure, and with `N passed, N failed, N skipped` as the
 * last line. A module that could not be loaded, a suite whose hook failed and an error outside every test count as
 * one failure each. Of a file that runs twice, the second run counts: a line `FLAKY where: why` names each failure that
 * it no longer has.
 */
export class CountReporter implements Reporter {
  readonly #results = new Map<string, Result>()
  readonly #flaky: string[] = []
  #outside: readonly Failure[] = []

  onInit(): void {
    // The coverage report is printed after the end of the test run; only `exit` comes later.
    process.once('exit', () => this.#print())
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly ErrorLike[]): void {
    for (const module of modules) {
      const result = resultOf(module)
      const before = this.#results.get(module.id)?.failures ?? []
      const isGone = ({ where }: Failure): boolean => result.failures.every((failure) => failure.where !== where)
      this.#flaky.push(...before.filter(isGone).map(({ where, reason }) => `FLAKY ${where}: ${reason}`))
      this.#results.set(module.id, result)
    }
    this.#outside = [...this.#outside, ...unhandledErrors.map((error) => failureOf('outside every test', [error]))]
  }

  #print(): void {
    const results = [...this.#results.values()]
    const failures = [...this.#outside, ...results.flatMap((result) => result.failures)]
    for (const { where, reason } of failures) console.log(`FAILED ${where}: ${reason}`)
    for (const line of this.#flaky) console.log(line)
    const sum = (count: 'passed' | 'skipped'): number => results.reduce((total, result) => total + result[count], 0)
    console.log(`${sum('passed')} passed, ${failures.length} failed, ${sum('skipped')} skipped`)
  }
}

interface ErrorLike {
  readonly message?: string
}

interface Failure {
  /** The file, and the test or suite. */
  readonly where: string
  readonly reason: string
}

/** Outcome of a test file. */
interface Result {
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly Failure[]
}

function resultOf(module: TestModule): Result {
  const count = { passed: 0, skipped: 0, pending: 0 }
  const failures = module.errors().map((error) => failureOf(module.moduleId, [error]))
  for (const suite of module.children.allSuites())
    failures.push(...suite.errors().map((error) => failureOf(`${module.moduleId} > ${suite.fullName}`, [error])))
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result()
    if (state === 'failed') failures.push(failureOf(`${module.moduleId} > ${test.fullName}`, errors))
    else count[state] += 1
  }
  return { passed: count.passed, skipped: count.skipped + count.pending, failures }
}

const MAX_REASON_LENGTH = 500

/** Describes a failure on one line. */
function failureOf(where: string, errors: readonly ErrorLike[]): Failure {
  const reason = errors.map(({ message }) => message ?? 'no message').join('; ')
  const onOneLine = (text: string): string => text.replace(/\s+/g, ' ')
  return {
    where: onOneLine(where.replace(`${process.cwd()}/`, '')),
    reason: onOneLine(reason.slice(0, MAX_REASON_LENGTH)),
  }
}

// Vitest loads a reporter given by path from the module's default export.
export default CountReporter
