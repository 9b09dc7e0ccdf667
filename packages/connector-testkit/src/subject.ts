import type { RawConfig } from '@rca/core'
import type { Connector } from '@rca/core/connector'
import type { CheckDescription } from './check.ts'
import type { PackageUnderCheck } from './package-under-check.ts'
import { withProcessMonitor } from './process-monitor.ts'
import { type Rehearsal, rehearse } from './rehearsal.ts'
import type { Scenario } from './scenario.ts'
import { NotConnectedError, type SessionOptions } from './session.ts'

/** The connector that is checked, with what its checks share. */
export interface Subject {
  readonly connector: Connector
  readonly scenarios: readonly Scenario[]
  /** Absent if the connector is checked without its package. */
  readonly package: PackageUnderCheck | undefined
  /** Time for a promise that should settle soon. */
  readonly patienceMs: number
  /** Runs each scenario once for all checks. */
  rehearsals(): Promise<readonly Rehearsal[]>
  /** Returns the options of each scenario, with those of its system. Without a scenario, no options. */
  options(): Promise<readonly RawConfig[]>
  /** Starts a system of its own for each scenario, and returns the findings in all of them. */
  inScenarios(find: (options: SessionOptions, name: string) => Promise<Findings>): Promise<Findings>
}

/** A check that lacks something: not a pass. */
export interface Skipped {
  /** The missing part. */
  readonly skipped: string
}

/** Faults, one sentence each. */
export type Findings = readonly string[] | Skipped

/** A check, before it is applied to a connector. */
export interface CheckDefinition extends CheckDescription {
  readonly find: (subject: Subject) => Findings | Promise<Findings>
}

/** Thrown for a part of a subject that this process cannot have: the check is skipped. */
export class UnavailableError extends Error {}

/** Creates the subject of one list of checks. */
export function createSubject(
  parts: Omit<Subject, 'rehearsals' | 'options' | 'inScenarios'>,
  onRehearsal: () => void = () => undefined,
): Subject {
  const { connector, scenarios, patienceMs } = parts
  let rehearsals: Promise<readonly Rehearsal[]> | undefined
  const rehearseAll = async (): Promise<readonly Rehearsal[]> => {
    onRehearsal()
    const all: Rehearsal[] = []
    for (const [index, scenario] of scenarios.entries())
      all.push(await rehearse({ connector, scenario, patienceMs }, nameOf(scenario, index)))
    return all
  }
  const rehearsed = (): Promise<readonly Rehearsal[]> => {
    rehearsals ??= rehearseAll()
    return rehearsals
  }
  return {
    ...parts,
    rehearsals: rehearsed,
    options: async () => (scenarios.length === 0 ? [{}] : (await rehearsed()).map(({ options }) => options)),
    inScenarios: async (find) => {
      const all: { readonly name: string; readonly found: Findings }[] = []
      for (const [index, scenario] of scenarios.entries()) {
        const system = await scenario.start?.()
        const name = nameOf(scenario, index)
        try {
          // The rehearsal finds errors that concern the process; here they must not end the tests.
          all.push({
            name,
            found: await withProcessMonitor(({ run }) =>
              run(() => foundIn(find, name, { connector, scenario, system, patienceMs })),
            ),
          })
        } finally {
          await system?.close()
        }
      }
      return joined(all)
    },
  }
}

async function foundIn(
  find: (options: SessionOptions, name: string) => Promise<Findings>,
  name: string,
  options: SessionOptions,
): Promise<Findings> {
  try {
    return await find(options, name)
  } catch (error) {
    if (error instanceof NotConnectedError) return { skipped: 'it needs a scenario in which `connect` works' }
    throw error
  }
}

/** Joins the findings of scenarios. Skipped if all were. */
function joined(all: readonly { readonly name: string; readonly found: Findings }[]): Findings {
  const made = all.filter(({ found }) => !('skipped' in found))
  const [first] = all
  if (made.length === 0) return first?.found ?? { skipped: 'it needs a scenario' }
  return made.flatMap(({ name, found }) => (found as readonly string[]).map((finding) => `${name}: ${finding}`))
}

function nameOf({ name }: Scenario, index: number): string {
  return name ?? `scenario ${index + 1}`
}
