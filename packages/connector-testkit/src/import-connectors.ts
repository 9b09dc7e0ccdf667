import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isConnector, resolveModule } from '@rca/core/testing'

interface PackageJson {
  readonly name: string
  readonly exports?: unknown
  readonly rca?: { readonly module?: string }
}

/** Imports the package in a folder. Returns the connectors that it exports. */
export async function importConnectors(folder: string) {
  const file = moduleFile(folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
  const exported: Record<string, unknown> = await import(pathToFileURL(file).href)
  // CommonJS that was compiled from a module has its exports below `default`.
  const nested = exported.default
  const below = typeof nested === 'object' && nested !== null && !isConnector(nested) ? Object.values(nested) : []
  return [...new Set([...Object.values(exported), ...below])].filter(isConnector)
}

/** Returns the manifest's module, or the main one of the package if the manifest is wrong. */
function moduleFile(folder: string, { name, exports, rca }: PackageJson): string {
  try {
    return resolveModule(folder, name, rca?.module ?? '.', exports)
  } catch {
    return resolveModule(folder, name, '.', exports)
  }
}
