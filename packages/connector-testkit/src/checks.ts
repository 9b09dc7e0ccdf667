import type { Connector } from '@rca/core/connector'
import { isConnector } from '@rca/core/testing'
import { type Check, CheckError, type CheckResult } from './check.ts'
import { collectorChecks } from './checks/collectors.ts'
import { configurationChecks } from './checks/configuration.ts'
import { connectionChecks } from './checks/connection.ts'
import { conventionChecks } from './checks/conventions.ts'
import { deploymentChecks } from './checks/deployment.ts'
import { electionChecks } from './checks/election.ts'
import { faultChecks } from './checks/faults.ts'
import { identityChecks } from './checks/identity.ts'
import { loadingChecks } from './checks/loading.ts'
import { manifestChecks } from './checks/manifest.ts'
import { pageChecks } from './checks/pages.ts'
import { permissionChecks } from './checks/permissions.ts'
import { processChecks } from './checks/process.ts'
import { quotingChecks } from './checks/quoting.ts'
import { secretChecks } from './checks/secrets.ts'
import { signalChecks } from './checks/signals.ts'
import { topologyChecks } from './checks/topology.ts'
import { valueChecks } from './checks/values.ts'
import { watcherChecks } from './checks/watchers.ts'
import { exceptionsOf, outcomeOf } from './exceptions.ts'
import { openPackage } from './package-under-check.ts'
import type { Scenario } from './scenario.ts'
import { type CheckDefinition, createSubject, type Findings, UnavailableError } from './subject.ts'

/** Options of `checks`. */
export interface ChecksOptions {
  /** Situations in which the connector is run. @default none: only what needs no run is checked */
  readonly scenarios?: readonly Scenario[]
  /** Folder of the connector's package, built. @default the package is not checked, and makes no exceptions */
  readonly packageFolder?: string
  /** Lets warnings fail. @default false */
  readonly strict?: boolean
  /** Time in which a promise should settle that has nothing to wait for. @default 5000 */
  readonly patienceMs?: number
  /** Arguments of Node.js for processes that import the package, such as `--conditions=source`. @default [] */
  readonly nodeArguments?: readonly string[]
}

const DEFAULT_PATIENCE_MS = 5_000

/** Every check, the ones first that find wrong answers. */
const DEFINITIONS: readonly CheckDefinition[] = [
  ...faultChecks,
  ...manifestChecks,
  ...loadingChecks,
  ...configurationChecks,
  ...signalChecks,
  ...conventionChecks,
  ...deploymentChecks,
  ...quotingChecks,
  ...permissionChecks,
  ...connectionChecks,
  ...identityChecks,
  ...collectorChecks,
  ...pageChecks,
  ...valueChecks,
  ...topologyChecks,
  ...watcherChecks,
  ...electionChecks,
  ...processChecks,
  ...secretChecks,
]

/**
 * Returns the checks of a connector, for any test runner:
 * `for (const { id, run } of checks(connector, { scenarios })) test(id, run)`. Nothing runs before the first check
 * does; the checks share one run of each scenario.
 *
 * @throws {TypeError} if `connector` was not made by `defineConnector`, or the package's exceptions are invalid
 */
export function checks<Config, Client>(connector: Connector<Config, Client>, options: ChecksOptions = {}): Check[] {
  if (!isConnector(connector)) throw new TypeError('`checks` must be called with a connector of `defineConnector`')
  return createChecks(connector as unknown as Connector, options)
}

/**
 * As `checks`, for a connector that may be a proxy whose parts throw `UnavailableError`.
 *
 * @param onRehearsal called before the scenarios run that checks share; may throw `UnavailableError` as well
 */
export function createChecks(
  connector: Connector,
  {
    scenarios = [],
    packageFolder,
    strict = false,
    patienceMs = DEFAULT_PATIENCE_MS,
    nodeArguments = [],
  }: ChecksOptions,
  onRehearsal?: () => void,
): Check[] {
  const found = packageFolder === undefined ? undefined : openPackage(packageFolder, nodeArguments)
  const exceptions = exceptionsOf(
    found?.json,
    DEFINITIONS.map(({ id }) => id),
  )
  const subject = createSubject({ connector, scenarios, package: found, patienceMs }, onRehearsal)
  return DEFINITIONS.map(({ find, ...description }) => {
    const exception = exceptions.get(description.id)
    const excepted = exception === undefined ? {} : { exception: exception.reason }
    let result: Promise<CheckResult> | undefined
    const evaluateOnce = async (): Promise<CheckResult> => {
      const findings = await findOrSkip(() => find(subject))
      if ('skipped' in findings) return { ...description, status: 'skipped', findings: [], skipped: findings.skipped }
      return { ...description, ...outcomeOf(description.id, description.severity, findings, exception) }
    }
    const evaluate = (): Promise<CheckResult> => {
      result ??= evaluateOnce()
      return result
    }
    const run = async (): Promise<void> => {
      const found = await evaluate()
      if (found.status === 'failed' || (strict && found.status === 'warned')) throw new CheckError(found)
    }
    return { ...description, ...excepted, evaluate, run }
  })
}

async function findOrSkip(find: () => Findings | Promise<Findings>): Promise<Findings> {
  try {
    return await find()
  } catch (error) {
    if (error instanceof UnavailableError) return { skipped: error.message }
    throw error
  }
}
