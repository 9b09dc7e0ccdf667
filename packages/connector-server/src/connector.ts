import { defineConnector } from '@rca/core/connector'
import { openServerClient } from './client/open-client.ts'
import { clockOffset, clockOffsetSignals } from './collectors/clock-offset.ts'
import { cpu, cpuSignals } from './collectors/cpu.ts'
import { diskSignals, disks } from './collectors/disks.ts'
import { filesystemSignals, filesystems } from './collectors/filesystems.ts'
import { host, hostSignals } from './collectors/host.ts'
import { kernel, kernelSignals } from './collectors/kernel.ts'
import { load, loadSignals } from './collectors/load.ts'
import { memory, memorySignals } from './collectors/memory.ts'
import { network, networkSignals } from './collectors/network.ts'
import { paging, pagingSignals } from './collectors/paging.ts'
import { pressure, pressureSignals } from './collectors/pressure.ts'
import { processes, processSignals } from './collectors/processes.ts'
import { systemdSignals, systemdUnits } from './collectors/systemd-units.ts'
import { uptime, uptimeSignals } from './collectors/uptime.ts'
import { configSchema } from './config.ts'
import { deploy } from './deployment.ts'
import { entities } from './entities.ts'
import { changedFiles, fileSignals } from './events/changed-files.ts'
import { changedSharedFiles, sharedFileSignals } from './events/changed-shared-files.ts'
import { clock, clockSignals } from './events/clock.ts'
import { failedUnits, unitSignals } from './events/failed-units.ts'
import { fullFilesystems, fullSignals } from './events/full-filesystems.ts'
import { listeningPorts, portSignals } from './events/listening-ports.ts'
import { memoryPressure, memoryPressureSignals } from './events/memory-pressure.ts'
import { linkSignals, networkLinks } from './events/network-links.ts'
import { outOfMemory, outOfMemorySignals } from './events/out-of-memory.ts'
import { packageSignals, packages } from './events/packages.ts'
import { readOnlyFilesystems, readOnlySignals } from './events/read-only-filesystems.ts'
import { reboot, rebootSignals } from './events/reboot.ts'
import { certificateSignals, serviceCertificates } from './events/service-certificates.ts'
import { serviceProcesses, serviceProcessSignals } from './events/service-processes.ts'

/** Watches a Linux, macOS or Windows server, and plans how an agent is installed on it. */
export const server = defineConnector({
  type: 'server',
  title: 'Server',
  description: 'Install on Linux, macOS, or Windows server',
  config: configSchema,
  signals: {
    ...entities,
    ...hostSignals,
    ...cpuSignals,
    ...loadSignals,
    ...memorySignals,
    ...pagingSignals,
    ...filesystemSignals,
    ...diskSignals,
    ...networkSignals,
    ...kernelSignals,
    ...processSignals,
    ...pressureSignals,
    ...uptimeSignals,
    ...clockOffsetSignals,
    ...systemdSignals,
    ...rebootSignals,
    ...clockSignals,
    ...outOfMemorySignals,
    ...memoryPressureSignals,
    ...readOnlySignals,
    ...fullSignals,
    ...linkSignals,
    ...portSignals,
    ...certificateSignals,
    ...serviceProcessSignals,
    ...packageSignals,
    ...fileSignals,
    ...sharedFileSignals,
    ...unitSignals,
  },
  deploy,
  connect: ({ config, signal, keyedHash }) => openServerClient(config, signal, keyedHash),
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
    // Its series change with each run: between points of other entities, they are a set of series of their own.
    processes,
    network,
    kernel,
    pressure,
    uptime,
    'clock-offset': clockOffset,
    'systemd-units': systemdUnits,
  },
  watchers: {
    reboot,
    clock,
    'out-of-memory': outOfMemory,
    'memory-pressure': memoryPressure,
    'read-only-filesystems': readOnlyFilesystems,
    'full-filesystems': fullFilesystems,
    'network-links': networkLinks,
    'listening-ports': listeningPorts,
    'service-certificates': serviceCertificates,
    'service-processes': serviceProcesses,
    packages,
    'changed-files': changedFiles,
    'changed-shared-files': changedSharedFiles,
    'failed-units': failedUnits,
  },
})
