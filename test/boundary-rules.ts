import { posix } from 'node:path'
import type { ModuleImport } from './read-imports.ts'

const clientLibraries = [
  'systeminformation',
  'dockerode',
  '@kubernetes/client-node',
  '@aws-sdk/client-cloudtrail',
  '@aws-sdk/client-cloudwatch',
  '@aws-sdk/client-lambda',
  '@aws-sdk/client-sts',
]
const apps = ['@rca/api', '@rca/agent', '@rca/example']

/**
 * Returns why a file may not import a module, or `undefined` if it may.
 *
 * @param file path from the repository's root, with slashes: `packages/core/src/index.ts`
 */
export function boundaryViolation(file: string, { specifier, form }: ModuleImport): string | undefined {
  const [kind = '', folder = ''] = file.split('/')
  if (specifier.startsWith('.')) return relativeViolation(file, specifier, `${kind}/${folder}`)

  const target = packageName(specifier)
  if (clientLibraries.includes(target)) return clientLibraryViolation(file, form)
  if (!target.startsWith('@rca/')) return undefined
  if (kind === 'packages' && folder === 'core') return '`@rca/core` imports no package of this repository'
  if (kind === 'packages') return connectorViolation(file, specifier)
  if (apps.includes(target) && folder !== 'example') return 'only the example imports an app'
  return undefined
}

function relativeViolation(file: string, specifier: string, home: string): string | undefined {
  const target = posix.join(posix.dirname(file), specifier)
  return target.startsWith(`${home}/`) ? undefined : 'a relative import stays within its package'
}

function connectorViolation(file: string, specifier: string): string | undefined {
  if (specifier === '@rca/core/connector') return undefined
  const target = packageName(specifier)
  const isTest = file.endsWith('.test.ts') || /^packages\/[^/]+\/(?:test|bench)\//.test(file)
  // They run connectors, as the agent does.
  const isTool = /^packages\/(?:connector-(?:cli|testkit)|create-connector)\//.test(file)
  if (isTool && ['@rca/core', '@rca/connector-testkit'].includes(target)) return undefined
  if (isTest && ['@rca/core', '@rca/connector-testkit', '@rca/rig'].includes(target)) return undefined
  return 'of the packages here, a connector imports only `@rca/core/connector`, and its tests also `@rca/core`, `@rca/connector-testkit` and `@rca/rig`'
}

function clientLibraryViolation(file: string, form: ModuleImport['form']): string | undefined {
  if (/^packages\/connector-[^/]+\/bench\//.test(file)) return undefined
  if (!/^packages\/connector-[^/]+\/src\/(?:.+\/)?client\.ts$/.test(file)) {
    return "only a connector's `client.ts` imports a client library"
  }
  return form !== 'static' ? undefined : 'a client library is imported with `await import()`, when it is needed'
}

/** `@rca/core/protocol` → `@rca/core` */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
