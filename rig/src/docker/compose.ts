import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasProgram, succeeds } from '../run.ts'

/** Plugin of the Docker command line that runs `docker-compose`. */
const PLUGIN = `#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
  echo '{"SchemaVersion":"0.1.0","Vendor":"rig","Version":"1.0.0"}'
  exit
fi
shift
exec docker-compose "$@"
`

/**
 * Returns the environment variables that make `docker compose` work: none if the plugin is installed; with only the
 * program `docker-compose`, as in Debian 12, a configuration that makes it the plugin. `undefined` without both.
 *
 * @param directory an empty one, for the plugin
 */
export async function composeEnvironment(directory: string): Promise<Readonly<Record<string, string>> | undefined> {
  if (await succeeds('docker', ['compose', 'version'])) return {}
  if (!(await hasProgram('docker-compose'))) return undefined
  const plugins = join(directory, 'cli-plugins')
  mkdirSync(plugins, { recursive: true })
  writeFileSync(join(plugins, 'docker-compose'), PLUGIN)
  chmodSync(join(plugins, 'docker-compose'), 0o755)
  return { DOCKER_CONFIG: directory }
}
