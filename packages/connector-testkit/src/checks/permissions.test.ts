import { command } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { nodeArguments, packageFolder } from '../../test/broken-packages.ts'
import { queues, scenario } from '../../test/queues-connector.ts'
import { checks, vary } from '../index.ts'

const USED = ['GET /broker', 'GET /queues', 'GET /alerts', 'PUT /leader', 'DELETE /leader'] as const

/** Returns the findings for a connector whose command grants permissions, in a package that declares others. */
async function findings(granted: readonly string[], declared: readonly string[]): Promise<readonly string[]> {
  const connector = vary(queues, {
    deploy: (target) => ({ ...queues.deploy(target), command: command('grant', ...granted) }),
  })
  const permissions = Object.fromEntries(declared.map((name) => [name, 'For a test.']))
  const folder = packageFolder({ json: { 'rca-kit': { permissions } } })
  const list = checks(connector, { packageFolder: folder, nodeArguments, scenarios: [scenario] })
  const result = await list.find(({ id }) => id === 'DEP-least')?.evaluate()
  return result?.findings ?? ['it was not made']
}

test('DEP-least passes if the command grants what is used, or names no permission', async () => {
  expect(await findings(USED, USED)).toEqual([])
  expect(await findings([], USED)).toEqual([])
})

test('DEP-least finds a permission that is used and not declared, or declared and not used', async () => {
  expect(await findings([], [...USED.filter((name) => name !== 'GET /alerts'), 'GET /users'])).toEqual([
    '`GET /alerts` is used, and package.json does not declare it',
    'package.json declares `GET /users`, and no scenario uses it',
  ])
})

test('DEP-least finds a permission that is used and not granted, or granted and not used', async () => {
  expect(await findings([...USED.filter((name) => !/queues|alerts/.test(name)), 'GET /queues/7'], USED)).toEqual([
    'two regions: `GET /queues` is used, and the command of `deploy` does not grant it',
    'two regions: `GET /alerts` is used, and the command of `deploy` does not grant it',
  ])
  expect(await findings([...USED, 'GET /users'], [...USED, 'GET /users'])).toEqual([
    'package.json declares `GET /users`, and no scenario uses it',
    'two regions: the command of `deploy` grants `GET /users`, which is not used',
  ])
})
