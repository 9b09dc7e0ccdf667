import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join, resolve } from 'node:path'
import { RcaError } from '../errors/rca-error.ts'

/** Returns the folder that `RCA_CONNECTORS` names, as an absolute path, or `undefined` if it names none. */
export function readConnectorsFolder(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = environment.RCA_CONNECTORS?.trim()
  return folder === undefined || folder === '' ? undefined : resolve(folder)
}

/** Returns the folder that `RCA_CONNECTORS` names. @throws {RcaError} if it names none */
export function requireConnectorsFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const folder = readConnectorsFolder(environment)
  if (folder !== undefined) return folder
  throw new RcaError(
    'RCA_CONNECTORS_FOLDER_INVALID',
    'RCA_CONNECTORS is not set. Set it to the folder of connectors, such as /opt/rca-connectors, for this command, agents and API',
  )
}

/** Returns the `package.json` of a folder of connectors. @throws {RcaError} if it does not exist */
export function packageFileOf(folder: string): string {
  const file = join(folder, 'package.json')
  if (!existsSync(file))
    throw new RcaError(
      'RCA_CONNECTORS_FOLDER_INVALID',
      `RCA_CONNECTORS is \`${folder}\`, but ${file} does not exist. Set it to a folder of connectors: \`rca-agent add PACKAGE\` and \`rca-api add PACKAGE\` fill it`,
    )
  return file
}

let isShared = false

/** Lets the connectors of a folder import this copy of core, so that they need none. Applies to the calling thread. */
export function shareCore(): void {
  if (isShared) return
  isShared = true
  const parentURL = import.meta.url
  // Node 20 has only `register`, whose hooks run in a thread of their own.
  if (typeof nodeModule.registerHooks === 'function')
    nodeModule.registerHooks({
      resolve: (specifier, context, nextResolve) =>
        nextResolve(specifier, CORE.test(specifier) ? { ...context, parentURL } : context),
    })
  else
    nodeModule.register(
      `data:text/javascript,${encodeURIComponent(`export const resolve = (specifier, context, nextResolve) =>
  nextResolve(specifier, ${CORE}.test(specifier) ? { ...context, parentURL: ${JSON.stringify(parentURL)} } : context)`)}`,
    )
}

const CORE = /^@rca\/core(?:\/|$)/
