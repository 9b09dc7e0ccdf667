import { describe, expect, test } from 'vitest'
import { checks, runChecks } from '../src/index.ts'
import { brokenPackages, failuresOf, nodeArguments, packageChecks, packageFolder } from './broken-packages.ts'
import { queues } from './queues-connector.ts'

test('a good package passes every check', async () => {
  const options = { packageFolder: packageFolder({}), nodeArguments }
  const results = await runChecks(checks(queues, options).slice(0, 2 + packageChecks.length))
  expect(results.map(({ id, status, findings }) => [id, status, ...findings])).toEqual(
    results.map(({ id }) => [id, id.startsWith('COL') ? 'skipped' : 'passed']),
  )
})

test('each check of a package has a broken package', () => {
  expect(Object.keys(brokenPackages).toSorted()).toEqual(packageChecks.map(({ id }) => id).toSorted())
})

// All checks of all packages: `newer/broken-connectors.newer.test.ts`.
test.each(Object.keys(brokenPackages))('the package broken for %s fails it, and no similar one', async (id) => {
  expect(await failuresOf(brokenPackages[id] ?? {}, id.slice(0, id.indexOf('-')))).toEqual([id])
})

describe('exceptions', () => {
  const withExceptions = (except: unknown) =>
    checks(queues, {
      packageFolder: packageFolder({ json: { files: undefined, 'rca-kit': { except } } }),
      nodeArguments,
    })

  test('excuse a check that fails, with the reason', async () => {
    const check = withExceptions({ 'MAN-files': 'It has one file.' }).find(({ id }) => id === 'MAN-files')
    expect(await check?.evaluate()).toMatchObject({ status: 'excepted', exception: 'It has one file.' })
    await check?.run()
  })

  test.each([
    [{ 'MAN-files': ' ' }, '`rca-kit.except.MAN-files` in package.json must be a sentence that says why'],
    [{ 'MAN-none': 'Because.' }, '`rca-kit.except` in package.json names an unknown check: `MAN-none`'],
    [['MAN-files'], '`rca-kit.except` in package.json must be an object'],
  ])('are refused in the form %j', (except, message) => {
    expect(() => withExceptions(except)).toThrow(message)
  })
})
