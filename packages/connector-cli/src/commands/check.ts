import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type CheckResult, checks, type ReportFormat, report, runChecks, type Scenario } from '@rca/connector-testkit'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { buildPackage } from '../load-package.ts'
import { compileTests } from './test.ts'

/** Module that exports the scenarios, from the folder of the package. */
const SCENARIOS = join('test', 'scenarios')

const REPORT_FORMATS: readonly ReportFormat[] = ['junit', 'sarif', 'json']

/** Makes every check of `@rca/connector-testkit`, in the scenarios that `test/scenarios.ts` exports. */
export const check: CliCommand = {
  summary: 'makes every check of connectors, in the scenarios of test/scenarios.ts',
  usage: '',
  flags: {
    strict: { type: 'boolean', summary: 'fails for warnings as well' },
    junit: { type: 'string', summary: 'writes the results to a file as JUnit XML' },
    sarif: { type: 'string', summary: 'writes the results to a file as SARIF' },
    json: { type: 'string', summary: 'writes the results to a file as JSON' },
  },
  run: async ({ folder, flags, print }) => {
    const found = await readConnectorPackage(folder)
    const { connector } = await buildPackage(found)
    const scenarios = await readScenarios(found.folder, print)
    // Node's flags of this process, such as conditions of exports, also apply to processes that import the package.
    const options = { scenarios, packageFolder: found.folder, nodeArguments: process.execArgv }
    const results = await runChecks(checks(connector, options))
    for (const line of linesOf(results)) print(line)
    for (const format of REPORT_FORMATS) {
      const file = flags[format]
      if (typeof file === 'string') await writeFile(resolve(folder, file), report(results, format, found.name))
    }
    const fails = flags.strict === true ? ['failed', 'warned'] : ['failed']
    return results.some(({ status }) => fails.includes(status)) ? 1 : 0
  },
}

/** @throws {CliError} if the module exports no list of scenarios */
async function readScenarios(home: string, print: (line: string) => void): Promise<readonly Scenario[]> {
  if (!existsSync(join(home, `${SCENARIOS}.ts`))) {
    print('There is no test/scenarios.ts: checks that run the connector are skipped.')
    return []
  }
  const copy = await compileTests(home, 'check')
  const { scenarios } = (await import(pathToFileURL(join(copy, `${SCENARIOS}.js`)).href)) as { scenarios?: unknown }
  if (!Array.isArray(scenarios))
    throw new CliError('test/scenarios.ts must export `scenarios`, a list: `export const scenarios: Scenario[] = […]`.')
  return scenarios
}

/** Returns the outcomes that need attention, then the number of each outcome. */
function linesOf(results: readonly CheckResult[]): string[] {
  const counts = new Map<string, number>()
  for (const { status } of results) counts.set(status, (counts.get(status) ?? 0) + 1)
  const width = Math.max(...results.map(({ id }) => id.length))
  return [
    ...results.flatMap((result) => {
      const { id, status, title, findings, remedy, reason, exception, skipped } = result
      const head = `${status.padEnd(8)}  ${id.padEnd(width)}  ${title}`
      if (status === 'passed') return []
      if (status === 'excepted' || status === 'skipped') return [`${head}: ${exception ?? skipped}`]
      return [head, ...findings.map((finding) => `  - ${finding}`), `  Why: ${reason}`, `  To fix: ${remedy}`]
    }),
    [...counts].map(([status, count]) => `${count} ${status}`).join(', '),
  ]
}
