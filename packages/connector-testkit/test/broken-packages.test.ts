import { metric } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { checks, runChecks, vary } from '../src/index.ts'
import {
  brokenPackages,
  failuresOf,
  nodeArguments,
  OF_PACKAGE,
  packageChecks,
  packageFolder,
} from './broken-packages.ts'
import { queues, scenario } from './queues-connector.ts'

test('a good package passes every check', async () => {
  const options = { packageFolder: packageFolder({}), nodeArguments, scenarios: [scenario] }
  const results = await runChecks(checks(queues, options).filter(({ id }) => OF_PACKAGE.test(id)))
  expect(results.map(({ id, status, findings }) => [id, status, ...findings])).toEqual(
    packageChecks.map(({ id }) => [id, 'passed']),
  )
})

test('each check of a package has a broken package', () => {
  expect(Object.keys(brokenPackages).toSorted()).toEqual(packageChecks.map(({ id }) => id).toSorted())
})

// All checks of all packages: `newer/broken-connectors.newer.test.ts`.
test.each(Object.keys(brokenPackages))('the package broken for %s fails it, and no similar one', async (id) => {
  expect(await failuresOf(brokenPackages[id] ?? {}, id.slice(0, id.indexOf('-')))).toEqual([id])
})

test('an import that takes long once passes LOAD-fast', async () => {
  const marker = "new URL('./marker', import.meta.url)"
  const code = `import { existsSync, writeFileSync } from 'node:fs'
const isFirst = !existsSync(${marker})
writeFileSync(${marker}, '')
const start = process.cpuUsage()
while (isFirst && process.cpuUsage(start).user < 1_550_000);
`
  const options = { packageFolder: packageFolder({ code }), nodeArguments }
  const check = checks(queues, options).find(({ id }) => id === 'LOAD-fast')
  expect(await check?.evaluate()).toMatchObject({ status: 'passed' })
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

  const namesOf = (names: readonly string[]) => {
    const signal = (name: string) => metric({ name, unit: '1', kind: 'gauge', description: 'An extra.' })
    const connector = vary(queues, { signals: { one: signal('Acme One'), two: signal('Acme Two') } })
    const except = { 'SIG-names': { reason: 'They are old.', names } }
    const options = { packageFolder: packageFolder({ json: { 'rca-kit': { except } } }), nodeArguments, strict: true }
    return checks(connector, options).find(({ id }) => id === 'SIG-names')
  }

  test('excuse findings with their names, and no other ones', async () => {
    expect(await namesOf(['Acme One', 'Acme Two'])?.evaluate()).toMatchObject({ status: 'excepted' })
    const other = await namesOf(['Acme One'])?.evaluate()
    expect(other?.status).toBe('failed')
    expect(other?.findings).toEqual([expect.stringContaining('`Acme Two`')])
  })

  test('are warnings if the check finds nothing, or nothing of their names', async () => {
    const named = namesOf(['Acme One', 'Acme Two', 'Acme Three'])
    expect(await named?.evaluate()).toMatchObject({
      status: 'warned',
      findings: ['the check finds nothing about `Acme Three`, but package.json excepts it: `rca-kit.except.SIG-names`'],
      remedy: 'Remove from package.json what the package no longer needs.',
    })
    await expect(named?.run()).rejects.toThrow('`Acme Three`')
    const whole = withExceptions({ 'SIG-units': 'Because.' }).find(({ id }) => id === 'SIG-units')
    expect(await whole?.evaluate()).toMatchObject({
      status: 'warned',
      findings: ['the check passes, but package.json excepts it: `rca-kit.except.SIG-units`'],
    })
    await whole?.run()
  })

  test.each([
    [{ 'MAN-files': { reason: 'Because.', names: [] } }, '`rca-kit.except.MAN-files.names` in package.json must be a'],
    [{ 'MAN-files': ' ' }, '`rca-kit.except.MAN-files` in package.json must be a sentence that says why'],
    [{ 'MAN-none': 'Because.' }, '`rca-kit.except` in package.json names an unknown check: `MAN-none`'],
    [['MAN-files'], '`rca-kit.except` in package.json must be an object'],
  ])('are refused in the form %j', (except, message) => {
    expect(() => withExceptions(except)).toThrow(message)
  })
})
