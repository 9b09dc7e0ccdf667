/*
 * Imports the package whose folder is the argument, and sends a record of it to the parent process. Exits by itself
 * only if the import ends: a package that waits for ever is ended by the parent, or by Node.js with exit code 13.
 */
import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isConnector, reasonOf, resolveModule } from '@rca/core/testing'
import type { ImportRecord } from './package-under-check.ts'

const PROTOTYPES = { Object, Array, String, Number, Function, Promise, Map, Set, Error, RegExp, Date } as const

const folder = process.argv[2] ?? ''
const json = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
  name: string
  exports?: unknown
  rca?: { module?: string }
}
const loaded = recordLoadedPackages()
const before = snapshot()
// Its first use opens standard output.
process.stdout.write('')
const resources = process.getActiveResourcesInfo()
const cpuBefore = process.cpuUsage()
let record: ImportRecord
try {
  const file = moduleFile()
  const exported: Record<string, unknown> = await import(pathToFileURL(file).href)
  const { user, system } = process.cpuUsage(cpuBefore)
  record = {
    exported: connectorsIn(exported).map(({ type, title, description }) => ({ type, title, description })),
    cpuMs: (user + system) / 1000,
    changed: changes(before, snapshot()),
    open: additional(resources, process.getActiveResourcesInfo()),
    loaded: loaded(),
  }
} catch (error) {
  record = { error: reasonOf(error), exported: [], cpuMs: 0, changed: [], open: [], loaded: [] }
}
process.send?.(record, () => process.exit(0))

/** Returns the manifest's module, or the main one of the package if the manifest is wrong. */
function moduleFile(): string {
  try {
    return resolveModule(folder, json.name, json.rca?.module ?? '.', json.exports)
  } catch {
    return resolveModule(folder, json.name, '.', json.exports)
  }
}

/** CommonJS that was compiled from a module has its exports below `default`. */
function connectorsIn(exported: Readonly<Record<string, unknown>>) {
  const nested = exported.default
  const below = typeof nested === 'object' && nested !== null && !isConnector(nested) ? Object.values(nested) : []
  return [...new Set([...Object.values(exported), ...below])].filter(isConnector)
}

function snapshot(): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [name, { prototype }] of Object.entries(PROTOTYPES))
    for (const [key, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      found.set(`${name}.prototype.${key}`, value ?? get)
  for (const key of Object.getOwnPropertyNames(globalThis)) found.set(`globalThis.${key}`, 'present')
  for (const [key, value] of Object.entries(process.env)) found.set(`process.env.${key}`, value)
  return found
}

function changes(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] {
  const keys = [...new Set([...one.keys(), ...other.keys()])]
  return keys.filter((key) => one.get(key) !== other.get(key))
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
