import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  type CheckResult,
  type IsolatedChecksOptions,
  type ReportFormat,
  report,
  runIsolatedChecks,
} from '@rca/connector-testkit'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { compilePackage } from '../load-package.ts'
import { compileTests } from './test.ts'

/** Module that exports the scenarios, from the folder of the package. */
const SCENARIOS = join('test', 'scenarios')

const REPORT_FORMATS: readonly ReportFormat[] = ['junit', 'sarif', 'json']

/**
 * Makes every check of `@rca/connector-testkit`, in the scenarios that `test/scenarios.ts` exports. The connector runs
 * in a process of its own, without the environment of this one.
 */
export const check: CliCommand = {
  summary: 'makes every check of connectors, in the scenarios of test/scenarios.ts',
  usage: '',
  flags: {
    env: { type: 'string', multiple: true, summary: 'an environment variable that the scenarios read' },
    strict: { type: 'boolean', summary: 'fails for warnings as well' },
    junit: { type: 'string', summary: 'writes the results to a file as JUnit XML' },
    sarif: { type: 'string', summary: 'writes the results to a file as SARIF' },
    json: { type: 'string', summary: 'writes the results to a file as JSON' },
  },
  run: async ({ folder, flags, print }) => {
    const found = await readConnectorPackage(folder)
    await compilePackage(found)
    const { env: environment = [] } = flags
    const results = await checksOf({
      packageFolder: found.folder,
      scenariosModule: await compileScenarios(found.folder, print),
      // Node's flags of this process, such as conditions of exports.
      nodeArguments: process.execArgv,
      environment: [environment].flat().map(String),
    })
    for (const line of linesOf(results)) print(line)
    for (const format of REPORT_FORMATS) {
      const file = flags[format]
      if (typeof file === 'string') await writeFile(resolve(folder, file), report(results, format, found.name))
    }
    const fails = flags.strict === true ? ['failed', 'warned'] : ['failed']
    return results.some(({ status }) => fails.includes(status)) ? 1 : 0
  },
}

/** @throws {CliError} if the checks cannot be made */
async function checksOf(options: IsolatedChecksOptions): Promise<CheckResult[]> {
  try {
    return await runIsolatedChecks(options)
  } catch (error) {
    throw new CliError(`${(error as Error).message}.`, { cause: error })
  }
}

/** Returns the compiled module with the scenarios. */
async function compileScenarios(home: string, print: (line: string) => void): Promise<string | undefined> {
  if (existsSync(join(home, `${SCENARIOS}.ts`))) return join(await compileTests(home, 'check'), `${SCENARIOS}.js`)
  print('There is no test/scenarios.ts: checks that run the connector are skipped.')
  return undefined
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
