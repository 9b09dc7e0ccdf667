import { defineConnector } from '@rca/core/connector'
import { containerSignals, containers } from './collectors/containers.ts'
import { diskUsage, diskUsageSignals } from './collectors/disk-usage.ts'
import { engine, engineSignals } from './collectors/engine.ts'
import { networkSignals, networks } from './collectors/networks.ts'
import { usage, usageSignals } from './collectors/usage.ts'
import { volumeSignals, volumes } from './collectors/volumes.ts'
import { composeSignals } from './compose.ts'
import { configSchema } from './config.ts'
import { connect } from './connect.ts'
import { deploy } from './deployment/deployment.ts'
import { changeSignals } from './events/container-change.ts'
import { containerEventSignals } from './events/container-events.ts'
import { exitSignals } from './events/container-exit.ts'
import { engineEvents } from './events/engine-events.ts'
import { imageDriftSignals } from './events/image-drift.ts'
import { resourceSignals } from './events/resource-events.ts'
import { startFailureSignals } from './events/start-failure.ts'
import { streamSignals } from './events/stream-signals.ts'

/**
 * Signal names follow the OpenTelemetry semantic conventions for containers, then its Docker stats receiver, then
 * `docker.*`.
 */
export const docker = defineConnector({
  type: 'docker',
  title: 'Docker',
  description: 'Deploy as Docker container',
  config: configSchema,
  signals: {
    ...engineSignals,
    ...containerSignals,
    ...composeSignals,
    ...usageSignals,
    ...networkSignals,
    ...volumeSignals,
    ...diskUsageSignals,
    ...containerEventSignals,
    ...startFailureSignals,
    ...exitSignals,
    ...changeSignals,
    ...imageDriftSignals,
    ...resourceSignals,
    ...streamSignals,
  },
  deploy,
  connect,
  identify: async ({ info, entity }) => ({ id: info.id, name: info.name, entity }),
  disconnect: async ({ engine: open, keptLogs }) => {
    keptLogs.close()
    open.close()
  },
  collectors: { engine, containers, usage, networks, volumes, 'disk-usage': diskUsage },
  watchers: { 'engine-events': engineEvents },
})
