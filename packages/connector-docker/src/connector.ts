import { defineConnector } from '@rca/core/connector'
import { containers } from './collectors/containers.ts'
import { diskUsage } from './collectors/disk-usage.ts'
import { engine } from './collectors/engine.ts'
import { networks } from './collectors/networks.ts'
import { usage } from './collectors/usage.ts'
import { volumes } from './collectors/volumes.ts'
import { configSchema } from './config.ts'
import { openDockerClient } from './connect.ts'
import { deploy } from './deployment/deployment.ts'
import { engineEvents } from './events/engine-events.ts'
import { signals } from './signals.ts'

/** Watches the containers of a Docker Engine, and says how an agent is deployed beside them. */
export const docker = defineConnector({
  type: 'docker',
  title: 'Docker',
  description: 'Deploy as Docker container',
  config: configSchema,
  signals,
  deploy,
  connect: openDockerClient,
  identify: async ({ info, entity }) => ({ id: info.id, name: info.name, entity }),
  disconnect: async ({ engine: open }) => open.close(),
  collectors: { engine, containers, usage, networks, volumes, 'disk-usage': diskUsage },
  watchers: { 'engine-events': engineEvents },
})
