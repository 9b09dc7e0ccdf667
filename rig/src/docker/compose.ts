import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasProgram, run } from '../run.ts'

/** Says to the Docker command line what it is, and is `docker-compose`. */
const PLUGIN = `#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
  echo '{"SchemaVersion":"0.1.0","Vendor":"rig","Version":"1.0.0"}'
  exit
fi
shift
exec docker-compose "$@"
`

/**
 * The environment in which `docker compose` works: this process's own where the plugin is installed; where there is only the
 * program `docker-compose`, as in Debian 12, one in which that is the plugin. `undefined` where there is neither.
 *
 * @param folder an empty one, for what the plugin needs
 */
export async function composeEnvironment(folder: string): Promise<Readonly<Record<string, string>> | undefined> {
  const hasPlugin = await run('docker', ['compose', 'version']).then(
    () => true,
    () => false,
  )
  if (hasPlugin) return {}
  if (!(await hasProgram('docker-compose'))) return undefined
  const plugins = join(folder, 'cli-plugins')
  mkdirSync(plugins, { recursive: true })
  writeFileSync(join(plugins, 'docker-compose'), PLUGIN)
  chmodSync(join(plugins, 'docker-compose'), 0o755)
  return { DOCKER_CONFIG: folder }
}
