import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Conditions with which `import` resolves a package's exports. */
const IMPORT_CONDITIONS = new Set(['node', 'import', 'module-sync', 'default'])

/**
 * Resolves an export by self-reference: honours the package's `exports` and Node's conditions. Also resolves exports
 * that have only the condition `import`, which `require.resolve` rejects. @throws the error of Node.js for an unknown
 * export.
 */
export function resolveModule(directory: string, name: string, module: string, exports: unknown): string {
  const specifier = module === '.' ? name : `${name}/${module.slice(2)}`
  try {
    return createRequire(join(directory, 'package.json')).resolve(specifier)
  } catch (error) {
    const target = importTarget(exports, module)
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED' || target === undefined) throw error
    return join(directory, target)
  }
}

function importTarget(exports: unknown, module: string): string | undefined {
  const isMap =
    typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'))
  if (isMap) return conditionalTarget((exports as Readonly<Record<string, unknown>>)[module])
  return module === '.' ? conditionalTarget(exports) : undefined
}

function conditionalTarget(target: unknown): string | undefined {
  if (typeof target === 'string') return target.startsWith('./') ? target : undefined
  if (typeof target !== 'object' || target === null) return undefined
  for (const [condition, nested] of Object.entries(target)) {
    const found = IMPORT_CONDITIONS.has(condition) ? conditionalTarget(nested) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
