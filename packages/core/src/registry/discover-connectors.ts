import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Connector } from '../connector.ts'
import { isConnector } from '../define-connector.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { parseManifest } from './manifest.ts'
import { type Registry, type RegistryEntry, type RegistryProblem, registryOf } from './registry.ts'

export interface DiscoverOptions {
  /** A file of the host package: `import.meta.url`, or a path. Its package's `dependencies` and `optionalDependencies` are looked at. */
  readonly from: string | URL
}

interface PackageJson {
  readonly name?: string
  readonly version?: string
  readonly rca?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface InstalledPackage {
  readonly name: string
  readonly version: string
  readonly directory: string
  readonly manifest: unknown
}

/**
 * Finds the connectors that are installed beside a program: reads the manifests (`package.json#rca`) of the host
 * package's own dependencies. No connector's code is loaded until it is used. What cannot be used is in `problems`.
 *
 * @throws {ConnectorError} when `from` is in no package.
 */
export async function discoverConnectors({ from }: DiscoverOptions): Promise<Registry> {
  const file = from instanceof URL || from.startsWith('file:') ? fileURLToPath(from) : from
  const host = await hostPackage(file)
  const names = Object.keys({ ...host.json.dependencies, ...host.json.optionalDependencies }).sort()
  const installed = await Promise.all(names.map((name) => findPackage(name, host.path)))

  const entries = new Map<string, RegistryEntry & { origin: { package: string; version: string } }>()
  const problems: RegistryProblem[] = []
  for (const found of installed) {
    if (found === undefined || found.manifest === undefined) continue
    const origin = { package: found.name, version: found.version }
    const report = (problem: string, remedy: string): void => {
      problems.push({
        ...origin,
        message: `${found.name}@${found.version} is not used: ${problem}. To fix it, ${remedy}.`,
      })
    }
    const manifest = parseManifest(found.manifest)
    if ('problem' in manifest) {
      report(manifest.problem, manifest.remedy)
      continue
    }
    const taken = entries.get(manifest.type)
    if (taken !== undefined) {
      report(
        `its type \`${manifest.type}\` is already that of ${taken.origin.package}@${taken.origin.version}`,
        'remove one of the two packages',
      )
      continue
    }
    const { type, title, description, module } = manifest
    entries.set(type, { type, title, description, origin, load: () => loadConnector(found, type, module) })
  }
  return registryOf(entries, problems)
}

async function hostPackage(file: string): Promise<{ path: string; json: PackageJson }> {
  for (let directory = file; ; directory = dirname(directory)) {
    const path = join(directory, 'package.json')
    const json = await readPackageJson(path)
    if (json !== undefined) return { path, json }
    if (dirname(directory) === directory)
      throw new ConnectorError(
        'lookup',
        `\`from\` (${file}) is not inside a package: no package.json was found above it.`,
      )
  }
}

async function findPackage(name: string, hostPath: string): Promise<InstalledPackage | undefined> {
  for (const folder of createRequire(hostPath).resolve.paths(name) ?? []) {
    const directory = join(folder, name)
    const json = await readPackageJson(join(directory, 'package.json'))
    if (json !== undefined) return { name, version: json.version ?? 'unknown', directory, manifest: json.rca }
  }
  return undefined
}

async function readPackageJson(path: string): Promise<PackageJson | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as PackageJson
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ConnectorError('lookup', `${path} could not be read: ${(error as Error).message}`, error)
  }
}

async function loadConnector(found: InstalledPackage, type: string, module: string): Promise<Connector> {
  const label = `of ${found.name}@${found.version}`
  const specifier = module === '.' ? found.name : `${found.name}/${module.slice(2)}`
  let exported: Record<string, unknown>
  try {
    // Resolved as the package itself would: self-reference honours its `exports` and the conditions that Node runs with.
    const path = createRequire(join(found.directory, 'package.json')).resolve(specifier)
    exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    throw new ConnectorError(
      label,
      `its module \`${specifier}\` could not be loaded: ${(error as Error).message}. Reinstall the package, or correct \`rca.module\` in its package.json.`,
      error,
    )
  }
  const connectors = [...new Set(Object.values(exported))].filter(isConnector)
  const connector = connectors.find((candidate) => candidate.type === type)
  if (connector === undefined) {
    const exports =
      connectors.length > 0
        ? `connectors of type ${connectors.map((candidate) => `\`${candidate.type}\``).join(', ')}`
        : 'no connector'
    throw new ConnectorError(
      label,
      `its manifest promises the type \`${type}\`, but \`${specifier}\` exports ${exports}.`,
    )
  }
  return connector
}
