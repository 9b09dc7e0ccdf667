/** An `error` fails; a `warning` does so in strict mode alone. */
export type CheckSeverity = 'error' | 'warning'

/** The fixed part of a check. */
export interface CheckDescription {
  /** Such as `COL-partial`. Never changes its meaning. */
  readonly id: string
  /** Behaviour of a connector that passes. */
  readonly title: string
  /** Why it matters to operators. */
  readonly reason: string
  readonly severity: CheckSeverity
  /** How to fix a connector that fails. */
  readonly remedy: string
}

/** Result of a check. */
export interface CheckResult extends CheckDescription {
  /**
   * `excepted`: it failed, and the package says why that is right. `skipped`: it needs something that no scenario has.
   * `warned`: a check of severity `warning` failed, or the package excepts a check that it passes.
   */
  readonly status: 'passed' | 'failed' | 'warned' | 'excepted' | 'skipped'
  /** Faults that were found, one sentence each. Empty if the check passed. */
  readonly findings: readonly string[]
  /** The part that the check lacks. */
  readonly skipped?: string
  /** The package's reason for the exception. */
  readonly exception?: string
}

/** A check of one connector. */
export interface Check extends CheckDescription {
  /** The package's reason for an exception from this check. */
  readonly exception?: string
  /**
   * Runs the check, once: further calls return the same result. Rejects only if the check itself could not be made, for
   * example since a scenario did not start.
   */
  evaluate(): Promise<CheckResult>
  /** Runs the check as a test of any runner. Passes if it was skipped. @throws {CheckError} if it failed */
  run(): Promise<void>
}

/** Thrown by `run` of a check that failed. */
export class CheckError extends Error {
  readonly result: CheckResult

  constructor(result: CheckResult) {
    const { id, title, findings, reason, remedy } = result
    super(`${id}: ${title}\n${findings.map((finding) => `- ${finding}`).join('\n')}\nWhy: ${reason}\nTo fix: ${remedy}`)
    this.name = 'CheckError'
    this.result = result
  }
}

/**
 * Returns the outcome of each check by its id, for a file that is kept with the package: `passed`, or the status with
 * its reason, such as `excepted: Two collectors describe a host.`
 */
export function summarize(results: readonly CheckResult[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    results.map(({ id, status, exception, skipped, findings }) => {
      const reason = exception ?? skipped ?? findings[0]
      return [id, reason === undefined ? status : `${status}: ${reason}`]
    }),
  )
}

/** Runs checks one after the other, since they share the process. */
export async function runChecks(list: readonly Check[]): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const check of list) results.push(await check.evaluate())
  return results
}
