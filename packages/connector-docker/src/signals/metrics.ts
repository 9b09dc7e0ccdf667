import { metric } from '@rca/core/connector'

const cpuMode = { 'cpu.mode': '`user` or `system`; absent for the sum.' }
const direction = { 'network.io.direction': '`receive` or `transmit`.' }
const networkInterface = { ...direction, 'network.interface.name': 'Interface in the container.' }
const diskDirection = {
  'disk.io.direction': '`read` or `write`.',
  'system.device': 'Device, as `major:minor`.',
}

/** What is measured of containers and of the engine. */
export const metrics = {
  cpuTime: metric({
    name: 'container.cpu.time',
    unit: 's',
    kind: 'counter',
    description: 'Processor time that a container has used.',
    attributes: cpuMode,
  }),
  cpuUsage: metric({
    name: 'container.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'Processors that a container used since the round before.',
  }),
  cpuThrottledTime: metric({
    name: 'container.cpu.throttling_data.throttled_time',
    unit: 's',
    kind: 'counter',
    description: 'Time during which the limit kept a container from running.',
  }),
  cpuThrottledPeriods: metric({
    name: 'container.cpu.throttling_data.throttled_periods',
    unit: '{period}',
    kind: 'counter',
    description: 'Periods in which the limit kept a container from running.',
  }),
  cpuPeriods: metric({
    name: 'container.cpu.throttling_data.periods',
    unit: '{period}',
    kind: 'counter',
    description: 'Periods in which a limited container wanted to run.',
  }),
  memoryUsage: metric({
    name: 'container.memory.usage',
    unit: 'By',
    kind: 'gauge',
    description: 'Memory that a container uses, without the page cache that is given back first.',
  }),
  memoryWorkingSet: metric({
    name: 'container.memory.working_set',
    unit: 'By',
    kind: 'gauge',
    description: 'Memory that a container needs: in use, without inactive files.',
  }),
  memoryRss: metric({
    name: 'container.memory.rss',
    unit: 'By',
    kind: 'gauge',
    description: 'Anonymous memory of a container.',
  }),
  memoryLimit: metric({
    name: 'container.memory.limit',
    unit: 'By',
    kind: 'gauge',
    description: 'Memory that a container may use. Absent without a limit.',
  }),
  memoryFails: metric({
    name: 'container.memory.fails',
    unit: '{fail}',
    kind: 'counter',
    description: 'How often a container hit its limit of memory.',
  }),
  pids: metric({
    name: 'container.pids.count',
    unit: '{pid}',
    kind: 'updowncounter',
    description: 'Processes and threads in a container.',
  }),
  networkIo: metric({
    name: 'container.network.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes over the network.',
    attributes: networkInterface,
  }),
  networkPackets: metric({
    name: 'container.network.packets',
    unit: '{packet}',
    kind: 'counter',
    description: 'Packets over the network.',
    attributes: networkInterface,
  }),
  networkErrors: metric({
    name: 'container.network.errors',
    unit: '{error}',
    kind: 'counter',
    description: 'Packets with errors.',
    attributes: networkInterface,
  }),
  networkDropped: metric({
    name: 'container.network.dropped',
    unit: '{packet}',
    kind: 'counter',
    description: 'Packets that were dropped.',
    attributes: networkInterface,
  }),
  diskIo: metric({
    name: 'container.disk.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes from and to disks.',
    attributes: diskDirection,
  }),
  diskOperations: metric({
    name: 'container.disk.operations',
    unit: '{operation}',
    kind: 'counter',
    description: 'Reads and writes of disks.',
    attributes: diskDirection,
  }),
  restarts: metric({
    name: 'container.restarts',
    unit: '{restart}',
    kind: 'counter',
    description: 'How often the engine restarted a container by its policy.',
  }),
  uptime: metric({
    name: 'container.uptime',
    unit: 's',
    kind: 'gauge',
    description: 'Time since a running container was started.',
  }),
  healthFailingStreak: metric({
    name: 'container.health.failing_streak',
    unit: '{check}',
    kind: 'gauge',
    description: 'Health checks that failed in a row.',
  }),
  engineContainers: metric({
    name: 'docker.engine.containers',
    unit: '{container}',
    kind: 'updowncounter',
    description: 'Containers by state.',
    attributes: { 'container.state': '`running`, `paused` or `stopped`, which are all others.' },
  }),
  engineImages: metric({
    name: 'docker.engine.images',
    unit: '{image}',
    kind: 'updowncounter',
    description: 'Images of the engine.',
  }),
  engineDiskUsage: metric({
    name: 'docker.engine.disk.usage',
    unit: 'By',
    kind: 'gauge',
    description: 'Bytes on the engine’s disk.',
    attributes: { 'docker.disk.use': '`images`, `containers`, `volumes` or `build_cache`.' },
  }),
}
