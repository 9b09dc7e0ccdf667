import { describe, test } from 'vitest'

/** A requirement of tests that this machine does not meet. */
export interface Absence {
  /** The missing part. `undefined` if nothing is missing. */
  readonly missing?: string
  /** No installation provides it, such as another kernel. Tests are then skipped even where real parts are required. */
  readonly isUnattainable?: boolean
}

/** Defines a test against a real part. Skips it if the part is absent, or fails it under `RCA_REQUIRE_REAL=1`. */
export function realTest(name: string, isPresent: boolean, run: () => Promise<void> | void): void {
  if (isPresent) test(name, run)
  else if (isRequired()) failing(name, 'a requirement of this test')
  else test.skip(name, run)
}

/** Defines tests against a real part. Skips them if it is `missing`, or fails under `RCA_REQUIRE_REAL=1`. */
export function realDescribe(name: string, { missing, isUnattainable = false }: Absence, body: () => void): void {
  if (missing === undefined) describe(name, body)
  else if (isRequired() && !isUnattainable) failing(name, missing)
  else describe.skip(`${name} (${missing})`, body)
}

/**
 * Defines a test that needs privileges of the kernel. No installation provides them: it is skipped without them, also
 * under `RCA_REQUIRE_REAL=1`.
 */
export function privilegedTest(name: string, isAllowed: boolean, run: () => Promise<void> | void): void {
  test.skipIf(!isAllowed)(name, run)
}

function isRequired(): boolean {
  return process.env.RCA_REQUIRE_REAL === '1'
}

function failing(name: string, missing: string): void {
  test(name, () => {
    throw new Error(`missing on this machine, and RCA_REQUIRE_REAL=1 requires it: ${missing}`)
  })
}
