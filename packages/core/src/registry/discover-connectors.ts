import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkArguments } from '../config/check-arguments.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { RcaError } from '../errors/rca-error.ts'
import type { ConnectorOrigin } from '../platform/protocol.ts'
import { packageFileOf, shareCore } from './connectors-folder.ts'
import { otherCoreVersion } from './core-copy.ts'
import { coreProblem, type RequirementProblem } from './core-requirement.ts'
import { type InstalledPackage, installedPackages } from './installed-packages.ts'
import { connectorLoader } from './load-connector.ts'
import { type ConnectorManifest, isOwnPackage, manifestWarnings, parseManifest, typeInManifest } from './manifest.ts'
import { type Registry, type RegistryEntry, type RegistryProblem, registryOf } from './registry.ts'
import { resolveModule } from './resolve-module.ts'
import { readBuiltWith, readStaticDescription } from './static-description.ts'

/** Options of {@link discoverConnectors}. */
export interface DiscoverOptions {
  /**
   * A file of the package whose `dependencies` and `optionalDependencies` are searched: `import.meta.url`, or a path.
   * Of several packages, the first that has a type is used.
   */
  readonly from: string | URL | readonly (string | URL)[]
  /**
   * A folder with further connectors, installed there with npm. They import this copy of core. Of two connectors with
   * the same type, the one of `from` is used. @default none
   */
  readonly folder?: string | undefined
}

interface FoundEntry extends RegistryEntry {
  readonly origin: ConnectorOrigin
}

/**
 * Finds the connectors among the dependencies of the host packages, by `package.json#rca`. Loads their code on first
 * use. `problems` lists those that cannot be used, `warnings` what their authors should change. Ignores dependencies
 * that are not installed.
 *
 * @throws {HostPackageError} if no package contains a file of `from`.
 * @throws {RcaError} if `folder` has no package.json.
 */
export async function discoverConnectors(options: DiscoverOptions): Promise<Registry> {
  checkArguments('discoverConnectors', options, ['from', 'folder'])
  const files = [options.from].flat().map(toPath)
  if (options.folder !== undefined) {
    files.push(packageFileOf(options.folder))
    shareCore()
  }
  const entries = new Map<string, FoundEntry>()
  const problems: RegistryProblem[] = []
  const warnings: RegistryProblem[] = []
  for (const found of (await Promise.all(files.map(installedPackages))).flat()) {
    const { name, version, manifest } = found
    const origin = { package: name, version }
    const type = typeInManifest(manifest)
    const outcome = entryOf(found, entries)
    if (outcome !== undefined && 'problem' in outcome) {
      problems.push({ ...origin, type, message: refusalOf(found, outcome).message })
      continue
    }
    if (outcome !== undefined) entries.set(outcome.type, { ...outcome, origin })
    for (const warning of [...warningsOf(found), ...(await copyWarning(found, options.folder))])
      warnings.push({ ...origin, type, message: `${name}@${version}: ${warning}` })
  }
  return registryOf(entries, { problems, warnings, searched: files })
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
): RegistryEntry | RequirementProblem | undefined {
  if (found.unreadable !== undefined)
    return { problem: `its package.json could not be read (${found.unreadable})`, remedy: 'reinstall the package' }
  if (found.manifest === undefined) return undefined
  const manifest = parseManifest(found.manifest)
  if ('problem' in manifest) return manifest
  const { type, title, description, core: declared } = manifest
  const tooOld = coreProblem({ declared, peer: found.corePeer })
  if (tooOld !== undefined) return tooOld
  const taken = entries.get(type)?.origin
  if (taken !== undefined)
    return {
      problem: `${taken.package}@${taken.version} has the same type \`${type}\``,
      remedy: 'remove one of the two packages',
    }
  const checkCore = (builtWith: string | undefined): void => {
    const refused = coreProblem({ declared, builtWith })
    if (refused !== undefined) throw refusalOf(found, refused)
  }
  const load = connectorLoader(found, manifest)
  return {
    type,
    title,
    description,
    load: async () => {
      if (declared === undefined && !isSource(found, manifest)) checkCore(await readBuiltWith(found.directory))
      return load()
    },
    readDescription: async () => {
      // Sources change without a new version: only compiled code is described by the file.
      if (isSource(found, manifest)) return undefined
      const description = await readStaticDescription(found.directory, { version: found.version, type })
      if (description !== undefined && 'builtWith' in description) checkCore(description.builtWith)
      return description
    },
  }
}

function refusalOf({ name, version }: InstalledPackage, { problem, remedy }: RequirementProblem): ConnectorError {
  return new ConnectorError(`of ${name}@${version}`, `${problem}. To fix it, ${remedy}.`)
}

/** Returns true for a package whose module resolves to TypeScript, as in the repository of its author. */
function isSource({ directory, name, exports }: InstalledPackage, { module }: ConnectorManifest): boolean {
  try {
    return /\.[cm]?tsx?$/.test(resolveModule(directory, name, module, exports))
  } catch {
    return false
  }
}

/** Finds a connector with a copy of core of its own. With a folder of connectors, all import this one. */
async function copyWarning({ manifest, directory }: InstalledPackage, folder: string | undefined): Promise<string[]> {
  if (manifest === undefined || folder !== undefined) return []
  const version = await otherCoreVersion(directory)
  if (version === undefined) return []
  return [
    `it imports a second copy of \`@rca/core\`, version ${version}: each agent needs about 8 MB more. Declare \`@rca/core\` in its \`peerDependencies\`, and install one version for all.`,
  ]
}

function warningsOf({ name, manifest, coreRange }: InstalledPackage): string[] {
  if (isOwnPackage(name)) return []
  if (manifest !== undefined) return manifestWarnings(manifest)
  return coreRange !== undefined
    ? ['it depends on `@rca/core`, but a connector in it is not found: its package.json has no `rca`.']
    : []
}
