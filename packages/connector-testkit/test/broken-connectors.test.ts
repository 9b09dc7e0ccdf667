import { expect, test } from 'vitest'
import { runChecks } from '../src/index.ts'
import { brokenConnectors, codeChecks, failedOwn } from './broken-connectors.ts'

test('the good connector passes every check of its code', async () => {
  const results = await runChecks(codeChecks)
  expect(results.map(({ id, status, skipped, findings }) => [id, status, skipped, ...findings])).toEqual(
    results.map(({ id }) => [id, 'passed', undefined]),
  )
})

test('each check of the code has a broken connector', () => {
  expect(Object.keys(brokenConnectors).toSorted()).toEqual(codeChecks.map(({ id }) => id).toSorted())
})

// The other connectors: `newer/broken-connectors.newer.test.ts`.
test.each(['COL-partial', 'COL-fault'])('the connector broken for %s fails it', async (id) => {
  expect(await failedOwn(id)).toEqual(['failed', expect.stringMatching(/\w/)])
})
