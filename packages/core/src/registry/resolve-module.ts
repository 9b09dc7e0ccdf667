import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Conditions under which `import` resolves a package's exports, beside those that Node.js was started with. */
const IMPORT_CONDITIONS = new Set(['node', 'import', 'module-sync', 'default'])

/**
 * The file of one of a package's exports, resolved as the package itself would: self-reference honours its `exports` and
 * the conditions that Node.js runs with. `require` does not see an export that only has the condition `import`, so that is looked up here.
 *
 * @param module `.`, or an export such as `./connector`
 * @throws what Node.js says when there is no such export.
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
