import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPackage, readPackageJson } from './installed-packages.ts'

const CORE = '@rca/core'

/** The folder of this package, unless the modules of a program were bundled. */
const HERE = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Returns the version of the copy of core that a package imports, if it is another one than this. `undefined` also if
 * none is found, or if this copy is part of a bundle.
 *
 * @param directory the folder of the package
 */
export async function otherCoreVersion(directory: string): Promise<string | undefined> {
  const own = await readPackageJson(join(HERE, 'package.json')).catch(() => undefined)
  if (own?.name !== CORE) return undefined
  const imported = await findPackage(CORE, join(directory, 'package.json'))
  if (imported === undefined || (await realpath(imported.directory)) === (await realpath(HERE))) return undefined
  return imported.version
}
