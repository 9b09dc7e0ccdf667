import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  type Connector,
  createStaticDescription,
  discoverConnectors,
  isRcaError,
  STATIC_DESCRIPTION_FILE,
  type StaticDescription,
} from '@rca/core'
import { CliError } from './cli-error.ts'
import { CACHE, compile } from './compiler.ts'
import type { ConnectorPackage } from './connector-package.ts'

/** A compiled connector with its description. */
export interface BuiltPackage {
  readonly connector: Connector
  /** Content of `rca.json`. */
  readonly description: StaticDescription
}

/**
 * Compiles a package's sources into `dist`, and writes `rca.json`: from it, a platform shows the connector without
 * running its code.
 *
 * @throws {CliError} if the sources do not compile, or the connector cannot be loaded
 */
export async function buildPackage(found: ConnectorPackage): Promise<BuiltPackage> {
  await compilePackage(found)
  const connector = await loadConnector(found)
  const description = createStaticDescription(connector, { ...found, builtWith: coreVersionOf(found.folder) })
  await writeFile(join(found.folder, STATIC_DESCRIPTION_FILE), `${JSON.stringify(description, undefined, 2)}\n`)
  return { connector, description }
}

/** Returns the version of core whose types the package is compiled with. */
function coreVersionOf(folder: string): string {
  return (createRequire(join(folder, 'package.json'))('@rca/core/package.json') as { version: string }).version
}

/** Compiles a package's sources into `dist`. Runs none of its code. @throws {CliError} if they do not compile */
export async function compilePackage({ folder }: ConnectorPackage): Promise<void> {
  // Tests beside the sources are not published, and may import fixtures of other folders.
  const exclude = ['src/**/*.test.*']
  await compile(folder, { sources: ['src'], exclude, root: 'src', output: 'dist', declarations: true })
}

/**
 * Loads the connector of a built package as an agent does: from a host that depends on the package.
 *
 * @throws {CliError} with the reason that an agent would log
 */
async function loadConnector({ folder, name, rca }: ConnectorPackage): Promise<Connector> {
  const host = join(folder, CACHE, 'host')
  const link = join(host, 'node_modules', name)
  await rm(host, { recursive: true, force: true })
  await mkdir(dirname(link), { recursive: true })
  await symlink(folder, link, 'junction')
  const manifest = join(host, 'package.json')
  await writeFile(manifest, JSON.stringify({ private: true, dependencies: { [name]: '*' } }))
  const registry = await discoverConnectors({ from: manifest })
  try {
    return await registry.connector(rca.type)
  } catch (error) {
    const reason = registry.problems[0]?.message ?? (isRcaError(error) ? error.message : undefined)
    if (reason === undefined) throw error
    throw new CliError(reason, { cause: error })
  }
}
