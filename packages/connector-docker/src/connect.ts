import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectContext, type EntityReference, excluding, hostId } from '@rca/core/connector'
import { openEngine } from './client.ts'
import type { DockerConfig } from './config.ts'
import type { DockerClient } from './docker-client.ts'
import { endpointOf } from './engine/endpoint.ts'
import { createHistory } from './events/event-history.ts'
import { createInventory } from './inventory.ts'
import { signals } from './signals.ts'
import { openUsage } from './usage/usage-reader.ts'

/** Opens the engine and asks who it is. @throws EngineError when it cannot be reached, with the way out. */
export async function openDockerClient({
  config,
  signal,
  log,
  keyedHash,
}: ConnectContext<DockerConfig>): Promise<DockerClient> {
  const engine = await openEngine(endpointOf(config))
  try {
    const info = await engine.info(signal)
    const usage = openUsage({ rootPath: config.root_path, info, engine })
    log.info({ engine: info.version, api: info.apiVersion, usage: usage.source }, 'the engine is open')
    return {
      config,
      engine,
      info,
      entity: signals.engine.reference(info.id),
      host: hostOf(config),
      inventory: createInventory(engine, excluding(config.exclude_containers)),
      usage,
      history: createHistory(),
      keyedHash,
      log,
    }
  } catch (error) {
    engine.close()
    throw error
  }
}

/** An engine behind TCP may run anywhere: only one behind a socket surely runs on the machine whose id is read. */
function hostOf({ docker_host: address, root_path: root }: DockerConfig): EntityReference | undefined {
  if (address !== undefined && !address.startsWith('unix://')) return undefined
  for (const file of ['etc/machine-id', 'var/lib/dbus/machine-id']) {
    try {
      const id = readFileSync(join(root, file), 'utf8').trim()
      if (id !== '' && id !== 'uninitialized') return signals.host.reference(hostId(id))
    } catch {
      // Not every system has it, and not every deployment mounts it.
    }
  }
  return undefined
}
