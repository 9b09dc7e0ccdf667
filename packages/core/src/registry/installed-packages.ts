import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { HostPackageError } from '../errors/host-package-error.ts'

interface PackageJson {
  readonly name?: unknown
  readonly version?: unknown
  readonly rca?: unknown
  readonly exports?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface InstalledPackage {
  readonly name: string
  readonly version: string
  readonly directory: string
  /** `package.json#rca`. `undefined` for a package without a connector. */
  readonly manifest: unknown
  readonly exports: unknown
  /** Range of `@rca/core` that the package depends on. */
  readonly coreRange?: string | undefined
  /** Range of `@rca/core` that the package expects of its host. */
  readonly corePeer?: string | undefined
  readonly unreadable?: string
}

/** Returns the installed dependencies of a file's package, sorted. @throws {HostPackageError} if it cannot be read. */
export async function installedPackages(file: string): Promise<InstalledPackage[]> {
  const host = await hostPackage(file)
  const names = Object.keys({ ...host.json.dependencies, ...host.json.optionalDependencies }).sort()
  const found = await Promise.all(names.map((name) => findPackage(name, host.path)))
  return found.filter((dependency) => dependency !== undefined)
}

async function hostPackage(file: string): Promise<{ path: string; json: PackageJson }> {
  for (let directory = file; ; directory = dirname(directory)) {
    const path = join(directory, 'package.json')
    let json: PackageJson | undefined
    try {
      json = await readPackageJson(path)
    } catch (error) {
      throw new HostPackageError(`${path} could not be read (${(error as Error).message})`, error)
    }
    if (json !== undefined) return { path, json }
    if (dirname(directory) === directory) throw new HostPackageError(`no package.json was found above ${file}`)
  }
}

/** Finds a package as Node.js does, from a file that imports it. Returns `undefined` if it is not installed. */
export async function findPackage(name: string, hostPath: string): Promise<InstalledPackage | undefined> {
  for (const folder of createRequire(hostPath).resolve.paths(name) ?? []) {
    const directory = join(folder, name)
    const found = { name, directory }
    try {
      const json = await readPackageJson(join(directory, 'package.json'))
      if (json === undefined) continue
      const version = typeof json.version === 'string' ? json.version : 'unknown'
      const coreRange = { ...json.dependencies, ...json.peerDependencies }['@rca/core']
      const corePeer = json.peerDependencies?.['@rca/core']
      return { ...found, version, manifest: json.rca, exports: json.exports, coreRange, corePeer }
    } catch (error) {
      const unreadable = (error as Error).message
      return {
        ...found,
        version: 'unknown',
        manifest: undefined,
        exports: undefined,
        unreadable,
      }
    }
  }
  return undefined
}

/** Reads a package.json, `undefined` if there is none. @throws an error if it is not a JSON object */
export async function readPackageJson(path: string): Promise<PackageJson | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
  const json: unknown = JSON.parse(text)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('it must contain an object')
  return json
}
