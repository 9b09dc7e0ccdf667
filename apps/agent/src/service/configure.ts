import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Registry } from '@rca/core'
import type { Environment } from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'
import { readUpdateWindow } from '../update/update-schedule.ts'
import { type ConfigurationOptions, readConfiguration } from './configuration.ts'
import { parseEnvironmentFile } from './environment-file.ts'
import { ServiceError } from './service-error.ts'

/**
 * Validates options as the agent would, and writes its environment, `agent.env`, into a folder. The agent's state is
 * below `state` of the folder. Returns the exit code.
 *
 * @throws {ServiceError | RcaError} when an option is missing or wrong. Nothing was written.
 */
export async function configure(
  options: ConfigurationOptions & { readonly folder: string },
  environment: Environment,
  registry: Registry,
): Promise<number> {
  const folder = resolve(options.folder)
  const caFile = join(folder, 'ca.pem')
  const configuration = await readConfiguration(options, environment, registry, {
    state: join(folder, 'state'),
    caFile,
  })
  if (configuration === undefined)
    throw new ServiceError('usage', '--platform-url, --agent-token and --agent-type are missing')
  if (readUpdateWindow(parseEnvironmentFile(configuration.environment)) !== undefined)
    throw new ServiceError(
      'usage',
      'auto_update is `on`, but this system has no unattended updates. Set it to `off`, and use the command that the platform shows to upgrade',
    )
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (configuration.certificates === undefined) rmSync(caFile, { force: true })
  else replace(caFile, configuration.certificates, 0o644)
  replace(join(folder, 'agent.env'), configuration.environment, 0o600)
  return EXIT_CODES.ok
}

/** Unlike the installation, does not flush the file: Windows flushes none that is open for reading. */
function replace(file: string, text: string, mode: number): void {
  // A file that a killed process left may be readable by others, and would keep its mode.
  rmSync(`${file}.new`, { force: true })
  writeFileSync(`${file}.new`, text, { mode, flag: 'wx' })
  renameSync(`${file}.new`, file)
}
