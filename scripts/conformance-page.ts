import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { table } from '../packages/connector-cli/src/docs/signal-tables.ts'
import { checks } from '../packages/connector-testkit/src/checks.ts'
import type { Connector } from '../packages/core/src/connector/connector.ts'
import { page } from './connector-page.ts'

/** A connector of this repository, with the folder of its package. */
export interface CheckedConnector {
  readonly connector: Connector
  readonly folder: string
}

/** Outcomes by id of the check: `passed`, or a status and a reason, such as `skipped: it needs watchers`. */
type Outcomes = Readonly<Record<string, string>>

/**
 * Renders the table of checks and connectors, from `conformance.json` of each package: its `conformance.test.ts`
 * proves these outcomes.
 *
 * @throws Error when a package has no outcomes, or those of other checks
 */
export function conformancePage(connectors: readonly CheckedConnector[]): string {
  const [first] = connectors
  if (first === undefined) throw new Error('there are no connectors')
  const list = checks(first.connector)
  const outcomes = connectors.map(({ connector: { type }, folder }) => ({ type, found: readOutcomes(folder) }))
  for (const { type, found } of outcomes)
    if (Object.keys(found).join() !== list.map(({ id }) => id).join())
      throw new Error(`the outcomes of \`${type}\` are those of other checks: run its conformance test with \`-u\``)
  const notes = outcomes.flatMap(({ type, found }) =>
    list.flatMap(({ id }) => {
      const [status = '', reason = ''] = split(found[id])
      return status === 'passed' ? [] : [[`\`${id}\``, `\`${type}\``, status, sentence(reason)]]
    }),
  )
  return page([
    '# Conformance of connectors',
    'Each connector passes the checks of [`@rca/connector-testkit`](../../packages/connector-testkit/README.md) on answers that were captured from the real system. `✓`: passed. `–`: it does not apply. `*`: an exception, with its reason below.',
    table(
      ['Check', 'A connector …', ...outcomes.map(({ type }) => `\`${type}\``)],
      list.map(({ id, title }) => [`\`${id}\``, title, ...outcomes.map(({ found }) => mark(found[id]))]),
    ),
    '## Exceptions, and checks that do not apply',
    table(['Check', 'Connector', 'Outcome', 'Reason'], notes),
  ])
}

function readOutcomes(folder: string): Outcomes {
  const file = join(folder, 'conformance.json')
  if (!existsSync(file)) throw new Error(`${file} is missing: run the conformance test of the package with \`-u\``)
  return JSON.parse(readFileSync(file, 'utf8')) as Outcomes
}

function split(outcome = ''): [status: string, reason: string] {
  const [status = '', ...rest] = outcome.split(': ')
  return [status, rest.join(': ')]
}

function mark(outcome: string | undefined): string {
  const [status] = split(outcome)
  const marks: Readonly<Record<string, string>> = { passed: '✓', skipped: '–', excepted: '*' }
  return marks[status] ?? `**${status}**`
}

function sentence(text: string): string {
  const upper = text.startsWith('it ') ? `I${text.slice(1)}` : text
  return upper.endsWith('.') ? upper : `${upper}.`
}
