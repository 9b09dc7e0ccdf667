import { defineConnector } from '@rca/core/connector'
import { openServerClient } from './client/open-client.ts'
import { cpu } from './collectors/cpu.ts'
import { disks } from './collectors/disks.ts'
import { filesystems } from './collectors/filesystems.ts'
import { host } from './collectors/host.ts'
import { load } from './collectors/load.ts'
import { memory } from './collectors/memory.ts'
import { network } from './collectors/network.ts'
import { paging } from './collectors/paging.ts'
import { pressure } from './collectors/pressure.ts'
import { processes } from './collectors/processes.ts'
import { systemdUnits } from './collectors/systemd-units.ts'
import { uptime } from './collectors/uptime.ts'
import { configSchema } from './config.ts'
import { deploy } from './deployment.ts'
import { clock } from './events/clock.ts'
import { failedUnits } from './events/failed-units.ts'
import { outOfMemory } from './events/out-of-memory.ts'
import { readOnlyFilesystems } from './events/read-only-filesystems.ts'
import { reboot } from './events/reboot.ts'
import { signals } from './signals.ts'

/** Watches a Linux, macOS or Windows server, and says how an agent is installed on it. */
export const server = defineConnector({
  type: 'server',
  title: 'Server',
  description: 'Install on Linux, macOS, or Windows server',
  config: configSchema,
  signals,
  deploy,
  connect: ({ config, signal }) => openServerClient(config, signal),
  identify: async ({ machine }) => ({ id: machine.id, name: machine.hostname, entity: machine.entity }),
  disconnect: async (client) => client.close(),
  collectors: {
    host,
    cpu,
    load,
    memory,
    paging,
    filesystems,
    disks,
    network,
    processes,
    pressure,
    uptime,
    'systemd-units': systemdUnits,
  },
  watchers: {
    reboot,
    clock,
    'out-of-memory': outOfMemory,
    'read-only-filesystems': readOnlyFilesystems,
    'failed-units': failedUnits,
  },
})
