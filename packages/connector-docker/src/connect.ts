import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectContext, type EntityReference, excludeNames, hostId } from '@rca/core/connector'
import { openEngine } from './client.ts'
import { engineSignals } from './collectors/engine.ts'
import type { DockerConfig } from './config.ts'
import type { DockerClient } from './docker-client.ts'
import { endpointOf } from './engine/endpoint.ts'
import { createEngineClock } from './engine/engine-clock.ts'
import { createEventHistory } from './events/event-history.ts'
import { createKeptLogs } from './evidence/kept-logs.ts'
import { createInventory } from './inventory.ts'
import { createUsageReader } from './usage/usage-reader.ts'

/** Connects to the engine and reads its identity. @throws EngineError with the fix. */
export async function connect({ config, signal, log, keyedHash }: ConnectContext<DockerConfig>): Promise<DockerClient> {
  const engine = await openEngine(endpointOf(config))
  try {
    const clock = createEngineClock()
    const askedAt = Date.now()
    const info = await engine.info(signal)
    clock.measure(info.systemTime, askedAt, Date.now())
    const usage = createUsageReader({ rootPath: config.root_path, info, engine })
    log.info({ engine: info.version, api: info.apiVersion, usage: usage.source }, 'connected to the engine')
    return {
      config,
      engine,
      info,
      entity: engineSignals.engine.reference(info.id),
      host: readHost(config),
      inventory: createInventory(
        engine,
        excludeNames(config.exclude_containers),
        Date.now,
        () => Date.now() + clock.offsetMs(),
      ),
      usage,
      history: createEventHistory(),
      clock,
      keptLogs: createKeptLogs(engine, config.crash_log_lines),
      keyedHash,
      log,
    }
  } catch (error) {
    engine.close()
    throw error
  }
}

/** Reads the machine id. An engine behind TCP may run on another machine; one behind a socket runs on this one. */
function readHost({ docker_host: address, root_path: root }: DockerConfig): EntityReference | undefined {
  if (address !== undefined && !address.startsWith('unix://')) return undefined
  for (const file of ['etc/machine-id', 'var/lib/dbus/machine-id']) {
    try {
      const id = readFileSync(join(root, file), 'utf8').trim()
      if (id !== '' && id !== 'uninitialized') return engineSignals.host.reference(hostId(id))
    } catch {
      // Not every system has the file, and not every deployment mounts it.
    }
  }
  return undefined
}
