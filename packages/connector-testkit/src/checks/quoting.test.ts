import { type Command, powershell } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { queues } from '../../test/queues-connector.ts'
import { checks, runChecks, vary } from '../index.ts'

/** Makes the check for a connector with this command for PowerShell. */
async function quotingOf(commandOf: (value: string) => Command): Promise<unknown> {
  const deploy: typeof queues.deploy = (target) => ({
    ...queues.deploy(target),
    command: commandOf(target.config.api_token ?? ''),
  })
  const all = checks(vary(queues, { deploy }), { scenarios: [{ options: { broker_url: 'http://127.0.0.1:1' } }] })
  const [result] = await runChecks(all.filter(({ id }) => id === 'DEP-quoting'))
  return result
}

/** A command of PowerShell that no constructor quotes. */
function unquoted(text: string): Command {
  return powershell(powershell.raw(Object.assign([text], { raw: [text] })))
}

test('accepts a command for PowerShell whose values are quoted', async () => {
  const { raw } = powershell
  const result = await quotingOf((token) => powershell(raw`Install-Agent -Token`, token || 'none'))
  expect(result).toMatchObject({ status: 'passed' })
})

test.each([
  ["'", 'in quotes that the value ends'],
  ['"', 'which expands commands'],
  ['', 'without quotes'],
])('finds a value in %j, %s', async (quote) => {
  const result = await quotingOf((token) => unquoted(`Install-Agent -Token ${quote}${token}${quote}`))
  expect(result).toMatchObject({
    status: 'failed',
    findings: expect.arrayContaining([expect.stringMatching(/^`api_token` runs a command in PowerShell: "a/)]),
  })
})
