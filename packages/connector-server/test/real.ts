import { test } from 'vitest'

/**
 * A test against something real. Where that is absent the test is skipped, or fails when `RCA_REQUIRE_REAL=1` says that it
 * must be there.
 */
export function realTest(name: string, isPresent: boolean, run: () => Promise<void> | void): void {
  if (isPresent) test(name, run)
  else if (process.env.RCA_REQUIRE_REAL === '1') {
    test(name, () => {
      throw new Error('what this test needs is absent here')
    })
  } else test.skip(name, run)
}

/**
 * A test that needs rights which only the kernel of a machine gives, such as mounting: no installation brings them, so
 * that it is skipped where they are absent, whatever is required.
 */
export function privilegedTest(name: string, isAllowed: boolean, run: () => Promise<void> | void): void {
  test.skipIf(!isAllowed)(name, run)
}
