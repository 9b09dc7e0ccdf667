import { describe, test } from 'vitest'
import type { Absence } from './absence.ts'

/**
 * A test against something real. Where that is absent the test is skipped, or fails when `RCA_REQUIRE_REAL=1` says that it
 * must be there.
 */
export function realTest(name: string, isPresent: boolean, run: () => Promise<void> | void): void {
  if (isPresent) test(name, run)
  else if (isRequired()) failing(name, 'what this test needs')
  else test.skip(name, run)
}

/** Tests against something real, skipped as a whole where it is `missing`; with `RCA_REQUIRE_REAL=1` they fail instead. */
export function realDescribe(name: string, { missing, isUnattainable = false }: Absence, body: () => void): void {
  if (missing === undefined) describe(name, body)
  else if (isRequired() && !isUnattainable) failing(name, missing)
  else describe.skip(`${name} (${missing})`, body)
}

/**
 * A test that needs rights which only the kernel of a machine gives, such as mounting: no installation brings them, so
 * that it is skipped where they are absent, whatever is required.
 */
export function privilegedTest(name: string, isAllowed: boolean, run: () => Promise<void> | void): void {
  test.skipIf(!isAllowed)(name, run)
}

function isRequired(): boolean {
  return process.env.RCA_REQUIRE_REAL === '1'
}

function failing(name: string, missing: string): void {
  test(name, () => {
    throw new Error(`absent here, and RCA_REQUIRE_REAL=1 says that it must be there: ${missing}`)
  })
}
