import { expect, test } from 'vitest'

/** A check of `@rca/connector-testkit`. */
export interface ConformanceCheck<Result> {
  readonly id: string
  /** Throws if the connector fails. */
  run(): Promise<void>
  /** Runs once; `run` has the same result. */
  evaluate(): Promise<Result>
}

/**
 * Defines a test for each check of a connector of this repository, and one that compares all outcomes with
 * `conformance.json` beside the folder of the test. `vitest -u` updates that file, from which `npm run docs` writes the
 * table of conformance.
 *
 * @param summarize renders the outcome of each check by its id
 */
export function testConformance<Result>(
  suite: readonly ConformanceCheck<Result>[],
  summarize: (results: readonly Result[]) => Readonly<Record<string, string>>,
): void {
  for (const { id, run } of suite) test(id, run)

  test('has the outcomes that conformance.json states', async () => {
    const results: Result[] = []
    // One after the other, since they share the process.
    for (const { evaluate } of suite) results.push(await evaluate())
    await expect(`${JSON.stringify(summarize(results), null, 2)}\n`).toMatchFileSnapshot('../conformance.json')
  })
}
