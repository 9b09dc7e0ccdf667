import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Connector, discoverConnectors, isRcaError } from '@rca/core'
import { CliError } from './cli-error.ts'
import { CACHE, compile } from './compiler.ts'
import type { ConnectorPackage } from './connector-package.ts'

/** Compiles a package's sources into `dist`. @throws {CliError} if they do not compile */
export async function buildPackage({ folder }: Pick<ConnectorPackage, 'folder'>): Promise<void> {
  await compile(folder, { sources: ['src'], root: 'src', output: 'dist', declarations: true })
}

/**
 * Loads the connector of a built package as an agent does: from a host that depends on the package.
 *
 * @throws {CliError} with the reason that an agent would log
 */
export async function loadConnector({ folder, name, rca }: ConnectorPackage): Promise<Connector> {
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
