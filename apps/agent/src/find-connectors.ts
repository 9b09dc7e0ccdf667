import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join, resolve } from 'node:path'
import { discoverConnectors, type Registry } from '@rca/core'
import { type Environment, EnvironmentError } from './environment.ts'

/**
 * Finds the agent's own connectors, and those of the folder that `RCA_CONNECTORS` names. An own connector is preferred
 * to one of the folder with the same type.
 *
 * @throws {EnvironmentError} when the folder has no package.json
 */
export async function findConnectors(environment: Environment): Promise<Registry> {
  const folder = environment.RCA_CONNECTORS?.trim()
  if (folder === undefined || folder === '') return discoverConnectors({ from: import.meta.url })
  const file = join(resolve(folder), 'package.json')
  if (!existsSync(file))
    throw new EnvironmentError(
      `RCA_CONNECTORS is \`${folder}\`, but ${file} does not exist. Set it to a folder in which connectors are installed: \`npm install --prefix ${folder} PACKAGE\``,
    )
  shareCore()
  return discoverConnectors({ from: [import.meta.url, file] })
}

/** Lets connectors outside this package import the agent's own copy of core, so that they need none. */
function shareCore(): void {
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      nextResolve(
        specifier,
        /^@rca\/core(?:\/|$)/.test(specifier) ? { ...context, parentURL: import.meta.url } : context,
      ),
  })
}
