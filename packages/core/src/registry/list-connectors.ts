import { reasonOf } from '../errors/error-reason.ts'
import { packageFileOf } from './connectors-folder.ts'
import { type DiscoverOptions, discoverConnectors } from './discover-connectors.ts'
import { type InstalledPackage, installedPackages } from './installed-packages.ts'
import { typeInManifest } from './manifest.ts'
import type { Registry } from './registry.ts'
import { createStaticDescription, type StaticDescription } from './static-description.ts'

/** A package of a folder of connectors. */
export interface InstalledConnector {
  readonly package: string
  readonly version: string
  /** Description by its code, if it can be used. */
  readonly description?: StaticDescription
  /** Why it cannot be used, and the fix. */
  readonly problem?: string
}

/** Lists the packages of a folder of connectors, sorted by name. Loads the code of each. @throws {RcaError} */
export async function listConnectors({
  from,
  folder,
}: DiscoverOptions & { readonly folder: string }): Promise<InstalledConnector[]> {
  const registry = await discoverConnectors({ from, folder })
  const packages = await installedPackages(packageFileOf(folder))
  return Promise.all(packages.map((found) => inspect(found, registry)))
}

async function inspect(found: InstalledPackage, registry: Registry): Promise<InstalledConnector> {
  const { name, version } = found
  const installed = { package: name, version }
  const refused = registry.problems.find((problem) => problem.package === name)
  if (refused !== undefined) return { ...installed, problem: refused.message }
  const type = typeInManifest(found.manifest)
  if (type === undefined)
    return {
      ...installed,
      problem: `${name}@${version} is not a connector: its package.json has no \`rca\`. Write its type, title and description there, or remove it.`,
    }
  try {
    const connector = await registry.connector(type)
    const core = found.coreRange === undefined ? {} : { peerDependencies: { '@rca/core': found.coreRange } }
    return { ...installed, description: createStaticDescription(connector, { name, version, ...core }) }
  } catch (error) {
    return { ...installed, problem: reasonOf(error) }
  }
}

/** Says in one line what a package of a folder of connectors offers, or why it cannot be used. */
export function installedConnectorLine(connector: InstalledConnector): string {
  const { package: name, version, description, problem } = connector
  if (description === undefined) return `${name}@${version}: ${problem}`
  const { type, title, signals, collectors, watchers, config } = description
  const options = Object.keys(config.properties ?? {})
  const parts = [
    count(collectors, 'collector'),
    count(watchers, 'watcher'),
    count(signals.entities, 'type of entity', 'types of entities'),
    count(signals.metrics, 'metric'),
    count(signals.events, 'event'),
    options.length === 0 ? 'no options' : `options ${options.join(', ')}`,
  ]
  return `${name}@${version}: type ${type} (${title}), ${parts.join(', ')}`
}

function count(items: readonly unknown[], one: string, many = `${one}s`): string {
  return `${items.length} ${items.length === 1 ? one : many}`
}
