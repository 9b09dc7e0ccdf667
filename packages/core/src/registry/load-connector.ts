import { pathToFileURL } from 'node:url'
import type { Connector } from '../connector/connector.ts'
import { CONTRACT, isConnector } from '../connector/define-connector.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { isRcaError } from '../errors/rca-error.ts'
import { TimeoutError } from '../errors/timeout-error.ts'
import { withTimeout } from '../timers.ts'
import { missingExport } from './core-requirement.ts'
import type { InstalledPackage } from './installed-packages.ts'
import type { ConnectorManifest } from './manifest.ts'
import { resolveModule } from './resolve-module.ts'

/** Code that takes longer to load waits for something, perhaps for ever. A busy machine needs several seconds. */
const LOAD_TIMEOUT_MS = 60_000

/** Codes with which Node.js says that there is no such module. */
const NOT_FOUND = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'])

/** Codes of Node.js for TypeScript in `node_modules`, with and without support for it elsewhere. */
const TYPESCRIPT = new Set(['ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING', 'ERR_UNKNOWN_FILE_EXTENSION'])

/**
 * Returns a function that loads the connector of a package. It rejects with a `ConnectorError` that names the package
 * if the code cannot be loaded within a minute, or exports no such connector.
 */
export function connectorLoader(
  found: InstalledPackage,
  { type, module }: ConnectorManifest,
): () => Promise<Connector> {
  const specifier = module === '.' ? found.name : `${found.name}/${module.slice(2)}`
  const errorOf = (problem: string, cause?: unknown) =>
    new ConnectorError(`of ${found.name}@${found.version}`, problem, cause)

  let hanging: Error | undefined
  const importModule = async (): Promise<Record<string, unknown>> => {
    if (hanging !== undefined) throw hanging
    const { href } = pathToFileURL(resolveModule(found.directory, found.name, module, found.exports))
    const label = `${found.name}@${found.version}`
    loadingNow.add(label)
    const loading = (import(href) as Promise<Record<string, unknown>>).finally(() => loadingNow.delete(label))
    try {
      return await withTimeout('it', LOAD_TIMEOUT_MS, undefined, () => loading)
    } catch (error) {
      // Until the module has loaded after all, further callers need not wait as long for the same answer.
      if (error instanceof TimeoutError) {
        hanging = error
        loadingNow.delete(label)
        const settled = (): void => {
          hanging = undefined
        }
        loading.then(settled, settled)
      }
      throw error
    }
  }

  return async () => {
    let exported: Record<string, unknown>
    try {
      exported = await importModule()
    } catch (error) {
      throw errorOf(`its module \`${specifier}\` could not be loaded: ${loadProblem(error)}`, error)
    }
    const candidates = candidatesOf(exported)
    const ofType = candidates.filter(isConnector).filter((candidate) => candidate.type === type)
    const [connector, another] = ofType
    if (connector === undefined)
      throw errorOf(
        `its manifest declares the type \`${type}\`, but \`${specifier}\` exports ${describeExports(candidates)}. Correct the manifest or the module, or remove the package.`,
      )
    if (another !== undefined)
      throw errorOf(
        `\`${specifier}\` exports ${ofType.length} connectors of type \`${type}\`. Export one of them, or remove the package.`,
      )
    if (connector.contract !== CONTRACT)
      throw errorOf(
        `its code implements version ${String(connector.contract)} of the contract, but this \`@rca/core\` implements version ${CONTRACT}. Install versions of both that implement the same contract.`,
      )
    return connector
  }
}

/** Packages whose modules are being loaded, as `name@version`. */
const loadingNow = new Set<string>()

/** Returns the packages whose modules are being loaded, as `name@version`. One of them may end the process. */
export function loadingConnectors(): string[] {
  return [...loadingNow]
}

/** Returns the reason and the fix. */
function loadProblem(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (TYPESCRIPT.has(String(code)) && /\.[cm]?tsx?\b/.test(String(message)))
    return 'it is TypeScript, which Node.js does not run in `node_modules`. Publish it as JavaScript, or remove the package.'
  // The definition's own error, of any copy of core, says what to correct.
  if (isRcaError(error) && error.code === 'RCA_CONNECTOR_INVALID') return error.message
  const missing = missingExport(error)
  if (missing !== undefined) return missing
  const remedy = NOT_FOUND.has(String(code))
    ? 'Reinstall the package, or correct `rca.module` in its package.json.'
    : 'Update or remove the package.'
  return `${reasonOf(error).replace(/\.$/, '')}. ${remedy}`
}

/** Returns what a module exports. CommonJS that was compiled from a module has its exports below `default`. */
function candidatesOf(exported: Readonly<Record<string, unknown>>): unknown[] {
  const fallback = exported.default
  const nested = typeof fallback === 'object' && fallback !== null && !isConnector(fallback) ? fallback : {}
  return [...new Set([...Object.values(exported), ...Object.values(nested)])]
}

function describeExports(candidates: readonly unknown[]): string {
  const types = candidates.filter(isConnector).map((candidate) => `\`${candidate.type}\``)
  if (types.length > 0) return `connectors of type ${types.join(', ')}`
  return candidates.some(looksLikeConnector)
    ? 'no connector, only an object that looks like one: make it with `defineConnector`'
    : 'no connector'
}

function looksLikeConnector(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { type, collectors } = value as { type?: unknown; collectors?: unknown }
  return typeof type === 'string' && typeof collectors === 'object'
}
