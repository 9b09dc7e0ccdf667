/*
 * Makes the checks that the parent process asks for. The argument is a `CheckProcessSetup`. It ends when the parent
 * disconnects.
 */
import { pathToFileURL } from 'node:url'
import type { Connector } from '@rca/core/connector'
import { reasonOf } from '@rca/core/testing'
import type { Check, CheckDescription, CheckResult } from '../check.ts'
import { createChecks } from '../checks.ts'
import { importConnectors } from '../import-connectors.ts'
import type { Scenario } from '../scenario.ts'
import { UnavailableError } from '../subject.ts'
import type { CheckMessage, CheckProcessSetup, CheckRequest } from './messages.ts'

const setup = JSON.parse(process.argv[2] ?? '') as CheckProcessSetup

/** Checks that need no connector, but perhaps its package. */
const OF_PACKAGE = /^(?:MAN|LOAD)-/

const send = (message: CheckMessage): void => void process.send?.(message)

process.on('disconnect', () => process.exit())
try {
  await serve()
} catch (error) {
  send({ kind: 'refused', reason: reasonOf(error) })
}

async function serve(): Promise<void> {
  const { packageFolder, nodeArguments } = setup
  const loaded = await loadConnector()
  const scenarios = await loadScenarios()
  const { connector } = loaded
  const list = createChecks(connector, { scenarios, packageFolder, nodeArguments }, () => {
    if (setup.withoutRehearsal !== undefined) throw new UnavailableError(setup.withoutRehearsal)
    send({ kind: 'rehearsing' })
  })
  const make = async ({ evaluate, ...check }: Check): Promise<CheckResult> =>
    loaded.missing === undefined || OF_PACKAGE.test(check.id)
      ? evaluate()
      : { ...descriptionOf(check), status: 'skipped', findings: [], skipped: loaded.missing }
  process.on('message', ({ make: index }: CheckRequest) => {
    const check = list[index]
    if (check === undefined) return
    void make(check).then(
      (result) => send({ kind: 'result', result }),
      (error: unknown) => send({ kind: 'refused', reason: reasonOf(error) }),
    )
  })
  send({ kind: 'ready', checks: list.map(descriptionOf) })
}

function descriptionOf({ id, title, reason, severity, remedy }: CheckDescription): CheckDescription {
  return { id, title, reason, severity, remedy }
}

interface Loaded {
  readonly connector: Connector
  /** Why there is none: the parts of `connector` then let a check be skipped. */
  readonly missing?: string
}

async function loadConnector(): Promise<Loaded> {
  if (setup.withoutConnector !== undefined) return unavailable(setup.withoutConnector)
  try {
    const [connector] = await importConnectors(setup.packageFolder)
    return connector === undefined ? unavailable('it needs a package that exports a connector') : { connector }
  } catch {
    return unavailable('it needs a package that can be imported')
  }
}

function unavailable(missing: string): Loaded {
  const get = (): never => {
    throw new UnavailableError(missing)
  }
  return { connector: new Proxy({} as Connector, { get }), missing }
}

/** @throws {TypeError} if the module exports no list of scenarios */
async function loadScenarios(): Promise<readonly Scenario[]> {
  if (setup.scenariosModule === undefined || setup.withoutConnector !== undefined) return []
  const { scenarios } = (await import(pathToFileURL(setup.scenariosModule).href)) as { scenarios?: unknown }
  if (Array.isArray(scenarios)) return scenarios
  throw new TypeError('test/scenarios.ts must export `scenarios`, a list: `export const scenarios: Scenario[] = […]`')
}
