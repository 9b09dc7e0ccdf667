import { type Collector, type EntityReference, mergeSignals, metric, type Signals } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { type ContainerUsage, type DiskIo, type NetworkUsage, sharesNetwork } from '../usage/container-usage.ts'
import { containerSignals } from './containers.ts'

const cpuMode = { 'cpu.mode': '`user` or `system`; absent for the total.' }
const direction = { 'network.io.direction': '`receive` or `transmit`.' }
const networkInterface = { ...direction, 'network.interface.name': 'Network interface in the container.' }
const diskDirection = {
  'disk.io.direction': '`read` or `write`.',
  'system.device': 'Device, as `major:minor`.',
}

export const usageSignals = {
  cpuTime: metric({
    name: 'container.cpu.time',
    unit: 's',
    kind: 'counter',
    description: 'CPU time used by the container.',
    attributes: cpuMode,
  }),
  cpuUsage: metric({
    name: 'container.cpu.usage',
    unit: '{cpu}',
    kind: 'gauge',
    description: 'CPUs used on average since the previous collection.',
  }),
  cpuThrottledTime: metric({
    name: 'container.cpu.throttling_data.throttled_time',
    unit: 's',
    kind: 'counter',
    description: 'Time for which the CPU limit throttled the container.',
  }),
  cpuThrottledPeriods: metric({
    name: 'container.cpu.throttling_data.throttled_periods',
    unit: '{period}',
    kind: 'counter',
    description: 'Scheduling periods in which the CPU limit throttled the container.',
  }),
  cpuPeriods: metric({
    name: 'container.cpu.throttling_data.periods',
    unit: '{period}',
    kind: 'counter',
    description: 'Scheduling periods in which a container with a CPU limit was runnable.',
  }),
  memoryUsage: metric({
    name: 'container.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Memory used by the container, without inactive page cache.',
  }),
  memoryWorkingSet: metric({
    name: 'container.memory.working_set',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Working set of the container: memory in use, without inactive files.',
  }),
  memoryRss: metric({
    name: 'container.memory.rss',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Anonymous memory of the container.',
  }),
  memoryLimit: metric({
    name: 'container.memory.limit',
    unit: 'By',
    kind: 'gauge',
    description: 'Memory limit of the container. Absent without a limit.',
  }),
  memoryFails: metric({
    name: 'container.memory.fails',
    unit: '{fail}',
    kind: 'counter',
    description: 'Number of times the container hit its memory limit.',
  }),
  pids: metric({
    name: 'container.pids.count',
    unit: '{pid}',
    kind: 'updowncounter',
    description: 'Number of processes and threads in the container.',
  }),
  networkIo: metric({
    name: 'container.network.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes received and transmitted.',
    attributes: networkInterface,
  }),
  networkPackets: metric({
    name: 'container.network.packets',
    unit: '{packet}',
    kind: 'counter',
    description: 'Packets received and transmitted.',
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
    description: 'Dropped packets.',
    attributes: networkInterface,
  }),
  diskIo: metric({
    name: 'container.disk.io',
    unit: 'By',
    kind: 'counter',
    description: 'Bytes read and written.',
    attributes: diskDirection,
  }),
  diskOperations: metric({
    name: 'container.disk.operations',
    unit: '{operation}',
    kind: 'counter',
    description: 'Read and write operations.',
    attributes: diskDirection,
  }),
}

interface CpuReading {
  /** Monotonic clock, in milliseconds. */
  readonly at: number
  /** Container id → CPU time in seconds. */
  readonly times: ReadonlyMap<string, number>
}

/** Collects CPU, memory, network, disk and process usage of running containers. */
export const usage: Collector<DockerClient> = {
  async collect({ inventory, usage: reader }, { signal, swapState }) {
    const running = (await inventory.containers(signal)).filter(({ state }) => isUp(state.status))
    const usages = await reader.read(running, signal)
    const reading = cpuReading(usages)
    const before = swapState(reading)
    const unread = running.filter(({ id }) => !usages.has(id))
    for (const { id } of unread) inventory.markChanged(id)
    return mergeSignals([
      ...[...usages].map(([id, used]) =>
        toSignals(containerSignals.container.reference(id), used, cpuUsageOf(id, reading, before)),
      ),
      // A container that stopped in the meantime is not a gap.
      { gaps: [...(await runningGaps(unread, inventory, signal)), networkGap(running, usages)] },
    ])
  },
}

/** Paused containers count as running: they keep their memory. */
function isUp(status: string): boolean {
  return status === 'running' || status === 'paused'
}

function cpuReading(usages: ReadonlyMap<string, ContainerUsage>): CpuReading {
  const times = [...usages].flatMap(([id, { cpu }]) => (cpu.total === undefined ? [] : [[id, cpu.total] as const]))
  return { at: performance.now(), times: new Map(times) }
}

/** Returns the CPUs used since the previous reading; `undefined` for new and restarted containers. */
function cpuUsageOf(id: string, now: CpuReading, before: CpuReading | undefined): number | undefined {
  const [used, usedBefore] = [now.times.get(id), before?.times.get(id)]
  if (used === undefined || before === undefined || usedBefore === undefined || used < usedBefore) return undefined
  const seconds = (now.at - before.at) / 1000
  return seconds > 0 ? (used - usedBefore) / seconds : undefined
}

async function runningGaps(
  unread: readonly { readonly id: string; readonly name: string }[],
  inventory: DockerClient['inventory'],
  signal: AbortSignal,
): Promise<{ scope: string; reason: string }[]> {
  const gaps: { scope: string; reason: string }[] = []
  for (const { id, name } of unread) {
    const now = await inventory.inspect(id, signal)
    if (now === undefined || !isUp(now.state.status)) continue
    gaps.push({ scope: `container:${name}`, reason: 'neither the control groups nor the engine report its usage' })
  }
  return gaps
}

/** Reports a gap only when no network of any container can be read: one container may just have stopped. */
function networkGap(
  running: readonly ContainerDetails[],
  usages: ReadonlyMap<string, ContainerUsage>,
): { scope: string; reason: string } | undefined {
  const read = running.filter(({ id, networkMode }) => usages.has(id) && !sharesNetwork(networkMode))
  if (read.length === 0 || read.some(({ id }) => usages.get(id)?.networks !== undefined)) return undefined
  return {
    scope: 'container.network',
    reason: "the host's /proc cannot be read: mount it at `proc` in `root_path`, such as /host/proc",
  }
}

function toSignals(entity: EntityReference, used: ContainerUsage, cpus: number | undefined): Signals {
  const { cpu, memory } = used
  const { limit } = memory
  // The kernel may charge a little more than the limit for a moment.
  const withinLimit = (value: number | undefined): number | undefined =>
    value === undefined || limit === undefined ? value : Math.min(value, limit)
  return {
    metrics: [
      usageSignals.cpuTime.point(cpu.total, entity),
      usageSignals.cpuTime.point(cpu.user, entity, { 'cpu.mode': 'user' }),
      usageSignals.cpuTime.point(cpu.system, entity, { 'cpu.mode': 'system' }),
      usageSignals.cpuUsage.point(cpus, entity),
      usageSignals.cpuPeriods.point(cpu.periods, entity),
      usageSignals.cpuThrottledPeriods.point(cpu.throttledPeriods, entity),
      usageSignals.cpuThrottledTime.point(cpu.throttledTime, entity),
      usageSignals.memoryUsage.point(withinLimit(memory.usage), entity),
      usageSignals.memoryWorkingSet.point(withinLimit(memory.workingSet), entity),
      usageSignals.memoryRss.point(withinLimit(memory.rss), entity),
      usageSignals.memoryLimit.point(limit, entity),
      usageSignals.memoryFails.point(memory.fails, entity),
      usageSignals.pids.point(used.pids, entity),
      ...(used.networks ?? []).flatMap((network) => networkPoints(network, entity)),
      ...(used.disks ?? []).flatMap((disk) => diskPoints(disk, entity)),
    ],
  }
}

function networkPoints(network: NetworkUsage, entity: EntityReference) {
  const received = { 'network.io.direction': 'receive', 'network.interface.name': network.name }
  const transmitted = { 'network.io.direction': 'transmit', 'network.interface.name': network.name }
  return [
    usageSignals.networkIo.point(network.bytesReceived, entity, received),
    usageSignals.networkIo.point(network.bytesTransmitted, entity, transmitted),
    usageSignals.networkPackets.point(network.packetsReceived, entity, received),
    usageSignals.networkPackets.point(network.packetsTransmitted, entity, transmitted),
    usageSignals.networkErrors.point(network.errorsReceived, entity, received),
    usageSignals.networkErrors.point(network.errorsTransmitted, entity, transmitted),
    usageSignals.networkDropped.point(network.droppedReceived, entity, received),
    usageSignals.networkDropped.point(network.droppedTransmitted, entity, transmitted),
  ]
}

function diskPoints(disk: DiskIo, entity: EntityReference) {
  const read = { 'disk.io.direction': 'read', 'system.device': disk.device }
  const written = { 'disk.io.direction': 'write', 'system.device': disk.device }
  return [
    usageSignals.diskIo.point(disk.bytesRead, entity, read),
    usageSignals.diskIo.point(disk.bytesWritten, entity, written),
    usageSignals.diskOperations.point(disk.reads, entity, read),
    usageSignals.diskOperations.point(disk.writes, entity, written),
  ]
}
