/*
 * Imports the package whose folder is the argument, and sends a record of it to the parent process. Exits by itself
 * only if the import ends: a package that waits for ever is ended by the parent, or by Node.js with exit code 13.
 */
import * as nodeModule from 'node:module'
import { reasonOf } from '@rca/core/testing'
import { importConnectors } from './import-connectors.ts'
import type { ImportRecord } from './package-under-check.ts'
import { changedPrototypes, snapshotPrototypes } from './prototypes.ts'

const folder = process.argv[2] ?? ''
const loaded = recordLoadedPackages()
const before = snapshot()
// Its first use opens standard output.
process.stdout.write('')
const resources = process.getActiveResourcesInfo()
const cpuBefore = process.cpuUsage()
let record: ImportRecord
try {
  const connectors = await importConnectors(folder)
  const { user, system } = process.cpuUsage(cpuBefore)
  record = {
    exported: connectors.map(({ type, title, description }) => ({ type, title, description })),
    cpuMs: (user + system) / 1000,
    changed: changes(before, snapshot()),
    open: additional(resources, process.getActiveResourcesInfo()),
    loaded: loaded(),
  }
} catch (error) {
  record = { error: reasonOf(error), exported: [], cpuMs: 0, changed: [], open: [], loaded: [] }
}
process.send?.(record, () => process.exit(0))

function snapshot() {
  const values = new Map<string, unknown>()
  for (const key of Object.getOwnPropertyNames(globalThis)) values.set(`globalThis.${key}`, 'present')
  for (const [key, value] of Object.entries(process.env)) values.set(`process.env.${key}`, value)
  return { prototypes: snapshotPrototypes(), values }
}

function changes(one: ReturnType<typeof snapshot>, other: ReturnType<typeof snapshot>): string[] {
  const keys = [...new Set([...one.values.keys(), ...other.values.keys()])]
  return [
    ...changedPrototypes(one.prototypes, other.prototypes),
    ...keys.filter((key) => one.values.get(key) !== other.values.get(key)),
  ]
}

function additional(one: readonly string[], other: readonly string[]): string[] {
  const rest = [...one]
  return other.filter((kind) => {
    const index = rest.indexOf(kind)
    if (index >= 0) rest.splice(index, 1)
    return index < 0
  })
}

/** Returns a function that lists the packages loaded since, as far as this Node.js can say so. */
function recordLoadedPackages(): () => string[] {
  const packages = new Set<string>()
  // From Node.js 22.15 on.
  const { registerHooks } = nodeModule as unknown as {
    registerHooks?: (hooks: {
      load(url: string, context: object, next: (...given: unknown[]) => unknown): unknown
    }) => void
  }
  registerHooks?.({
    load: (url, context, next) => {
      const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
      if (name !== undefined) packages.add(name)
      return next(url, context)
    },
  })
  return () => [...packages]
}
