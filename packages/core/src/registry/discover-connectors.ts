import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { checkArguments } from '../config/check-arguments.ts'
import type { Connector } from '../connector/connector.ts'
import { CONTRACT, isConnector } from '../connector/define-connector.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { RcaError } from '../errors/rca-error.ts'
import { type InstalledPackage, installedPackages } from './installed-packages.ts'
import { type ConnectorManifest, parseManifest } from './manifest.ts'
import { type Registry, type RegistryEntry, type RegistryProblem, registryOf } from './registry.ts'
import { resolveModule } from './resolve-module.ts'

/** Options of {@link discoverConnectors}. */
export interface DiscoverOptions {
  /**
   * A file of the package whose `dependencies` and `optionalDependencies` are searched: `import.meta.url`, or a path.
   * Of several packages, the first that has a type is used.
   */
  readonly from: string | URL | readonly (string | URL)[]
}

interface FoundEntry extends RegistryEntry {
  readonly origin: { readonly package: string; readonly version: string }
}

/**
 * Finds the connectors among the dependencies of the host packages, by `package.json#rca`. Loads their code on first
 * use. `problems` lists those that cannot be used. Ignores dependencies that are not installed.
 *
 * @throws {HostPackageError} if no package contains a file of `from`.
 */
export async function discoverConnectors(options: DiscoverOptions): Promise<Registry> {
  checkArguments('discoverConnectors', options, ['from'])
  const files = [options.from].flat().map(toPath)
  const entries = new Map<string, FoundEntry>()
  const problems: RegistryProblem[] = []
  for (const found of (await Promise.all(files.map(installedPackages))).flat()) {
    const origin = { package: found.name, version: found.version }
    const outcome = entryOf(found, entries)
    if (outcome === undefined) continue
    if ('load' in outcome) {
      entries.set(outcome.type, { ...outcome, origin })
      continue
    }
    const { problem, remedy } = outcome
    const message = `${found.name}@${found.version} is not used: ${problem}. To fix it, ${remedy}.`
    problems.push({ ...origin, message })
  }
  return registryOf(entries, problems)
}

function toPath(from: unknown): string {
  if (typeof from !== 'string' && !(from instanceof URL))
    throw new RcaError(
      'RCA_OPTIONS_INVALID',
      '`from` of `discoverConnectors` must be a path or a URL, or a list of them: pass `import.meta.url`',
    )
  return from instanceof URL || from.startsWith('file:') ? fileURLToPath(from) : resolve(from)
}

/** Returns a package's connector, or the problem and the fix, or `undefined` if it has no connector. */
function entryOf(
  found: InstalledPackage,
  entries: ReadonlyMap<string, FoundEntry>,
): RegistryEntry | { readonly problem: string; readonly remedy: string } | undefined {
  if (found.unreadable !== undefined)
    return { problem: `its package.json could not be read (${found.unreadable})`, remedy: 'reinstall the package' }
  if (found.manifest === undefined) return undefined
  const manifest = parseManifest(found.manifest)
  if ('problem' in manifest) return manifest
  const { type, title, description } = manifest
  const taken = entries.get(type)?.origin
  if (taken !== undefined)
    return {
      problem: `${taken.package}@${taken.version} has the same type \`${type}\``,
      remedy: 'remove one of the two packages',
    }
  return { type, title, description, load: () => loadConnector(found, manifest) }
}

async function loadConnector(found: InstalledPackage, { type, module }: ConnectorManifest): Promise<Connector> {
  const label = `of ${found.name}@${found.version}`
  const specifier = module === '.' ? found.name : `${found.name}/${module.slice(2)}`
  let exported: Record<string, unknown>
  try {
    const path = resolveModule(found.directory, found.name, module, found.exports)
    exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    const reason = reasonOf(error)
    throw new ConnectorError(
      label,
      `its module \`${specifier}\` could not be loaded: ${reason}. Reinstall the package, or correct \`rca.module\` in its package.json.`,
      error,
    )
  }
  const connectors = [...new Set(Object.values(exported))].filter(isConnector)
  const connector = connectors.find((candidate) => candidate.type === type)
  if (connector === undefined) {
    const types = connectors.map((candidate) => `\`${candidate.type}\``).join(', ')
    const exports = connectors.length > 0 ? `connectors of type ${types}` : 'no connector'
    throw new ConnectorError(
      label,
      `its manifest declares the type \`${type}\`, but \`${specifier}\` exports ${exports}. Correct the manifest or the module, or remove the package.`,
    )
  }
  if (connector.contract !== CONTRACT)
    throw new ConnectorError(
      label,
      `its code implements version ${String(connector.contract)} of the contract, but this \`@rca/core\` implements version ${CONTRACT}. Install versions of both that implement the same contract.`,
    )
  return connector
}
