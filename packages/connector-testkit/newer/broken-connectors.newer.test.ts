import { expect, test } from 'vitest'
import { runChecks } from '../src/index.ts'
import { brokenConnectors, checksOf, codeChecks, failedOwn } from '../test/broken-connectors.ts'
import { brokenPackages, failuresOf } from '../test/broken-packages.ts'

test.each(codeChecks.map(({ id, severity }) => [id, severity]))(
  'the connector broken for %s fails it',
  async (id, severity) => {
    const status = severity === 'error' ? 'failed' : 'warned'
    expect(await failedOwn(String(id))).toEqual([status, expect.stringMatching(/\w/)])
  },
)

test.each(Object.keys(brokenConnectors))('the connector broken for %s passes every other check', async (id) => {
  const broken = brokenConnectors[id]?.()
  const { othersPatienceMs = 30_000 } = broken ?? {}
  const others = broken === undefined ? [] : checksOf(broken, othersPatienceMs).filter((check) => check.id !== id)
  const results = await runChecks(others)
  expect(results).not.toEqual([])
  expect(results.filter(({ status }) => status === 'failed' || status === 'warned')).toEqual([])
})

test.each(Object.keys(brokenPackages))('the package broken for %s passes every other check', async (id) => {
  expect(await failuresOf(brokenPackages[id] ?? {})).toEqual([id])
})
