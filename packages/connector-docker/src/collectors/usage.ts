import { type Collector, type EntityReference, mergeSignals, type Signals } from '@rca/core/connector'
import type { DockerClient } from '../docker-client.ts'
import type { ContainerDetails } from '../engine/engine-api.ts'
import { signals } from '../signals.ts'
import type { ContainerUsage, DiskIo, NetworkUsage } from '../usage/container-usage.ts'
import { sharesNetwork } from '../usage/shares-network.ts'

/** Processor time by container, in seconds, at a moment of the monotonic clock, in milliseconds. */
interface CpuReading {
  readonly at: number
  readonly times: ReadonlyMap<string, number>
}

/** What every running container uses. */
export const usage: Collector<DockerClient> = {
  async collect({ inventory, usage: reader }, { signal, swapState }) {
    const running = (await inventory.containers(signal)).filter(({ state }) => isUp(state.status))
    const usages = await reader.read(running, signal)
    const reading = cpuReading(usages)
    const before = swapState(reading)
    const unread = running.filter(({ id }) => !usages.has(id))
    for (const { id } of unread) inventory.changed(id)
    return mergeSignals([
      ...[...usages].map(([id, used]) => toSignals(signals.container.reference(id), used, cpusOf(id, reading, before))),
      // One that has ended meanwhile is no gap: it is looked at again.
      { gaps: [...(await stillRunning(unread, inventory, signal)), networksUnseen(running, usages)] },
    ])
  },
}

/** A paused container uses nothing but the memory that it has. */
function isUp(status: string): boolean {
  return status === 'running' || status === 'paused'
}

function cpuReading(usages: ReadonlyMap<string, ContainerUsage>): CpuReading {
  const times = [...usages].flatMap(([id, { cpu }]) => (cpu.total === undefined ? [] : [[id, cpu.total] as const]))
  return { at: performance.now(), times: new Map(times) }
}

/** Processors used since the round before; nothing for a container that is new or was started anew. */
function cpusOf(id: string, now: CpuReading, before: CpuReading | undefined): number | undefined {
  const [used, usedBefore] = [now.times.get(id), before?.times.get(id)]
  if (used === undefined || before === undefined || usedBefore === undefined || used < usedBefore) return undefined
  const seconds = (now.at - before.at) / 1000
  return seconds > 0 ? (used - usedBefore) / seconds : undefined
}

async function stillRunning(
  unread: readonly { readonly id: string; readonly name: string }[],
  inventory: DockerClient['inventory'],
  signal: AbortSignal,
): Promise<{ scope: string; reason: string }[]> {
  const gaps: { scope: string; reason: string }[] = []
  for (const { id, name } of unread) {
    const now = await inventory.inspect(id, signal)
    if (now === undefined || !isUp(now.state.status)) continue
    gaps.push({ scope: `container:${name}`, reason: 'neither the control groups nor the engine say what it uses' })
  }
  return gaps
}

/** Said where no network can be seen at all: that of one container may just have ended. */
function networksUnseen(
  running: readonly ContainerDetails[],
  usages: ReadonlyMap<string, ContainerUsage>,
): { scope: string; reason: string } | undefined {
  const read = running.filter(({ id, networkMode }) => usages.has(id) && !sharesNetwork(networkMode))
  if (read.length === 0 || read.some(({ id }) => usages.get(id)?.networks !== undefined)) return undefined
  return {
    scope: 'container.network',
    reason: "the host's processes cannot be seen: mount its /proc at `proc` in `root_path`, such as /host/proc",
  }
}

function toSignals(entity: EntityReference, used: ContainerUsage, cpus: number | undefined): Signals {
  const { cpu, memory } = used
  return {
    metrics: [
      signals.cpuTime.point(cpu.total, entity),
      signals.cpuTime.point(cpu.user, entity, { 'cpu.mode': 'user' }),
      signals.cpuTime.point(cpu.system, entity, { 'cpu.mode': 'system' }),
      signals.cpuUsage.point(cpus, entity),
      signals.cpuPeriods.point(cpu.periods, entity),
      signals.cpuThrottledPeriods.point(cpu.throttledPeriods, entity),
      signals.cpuThrottledTime.point(cpu.throttledTime, entity),
      signals.memoryUsage.point(memory.usage, entity),
      signals.memoryWorkingSet.point(memory.workingSet, entity),
      signals.memoryRss.point(memory.rss, entity),
      signals.memoryLimit.point(memory.limit, entity),
      signals.memoryFails.point(memory.fails, entity),
      signals.pids.point(used.pids, entity),
      ...(used.networks ?? []).flatMap((network) => networkPoints(network, entity)),
      ...(used.disks ?? []).flatMap((disk) => diskPoints(disk, entity)),
    ],
  }
}

function networkPoints(network: NetworkUsage, entity: EntityReference) {
  const received = { 'network.io.direction': 'receive', 'network.interface.name': network.name }
  const transmitted = { 'network.io.direction': 'transmit', 'network.interface.name': network.name }
  return [
    signals.networkIo.point(network.bytesReceived, entity, received),
    signals.networkIo.point(network.bytesTransmitted, entity, transmitted),
    signals.networkPackets.point(network.packetsReceived, entity, received),
    signals.networkPackets.point(network.packetsTransmitted, entity, transmitted),
    signals.networkErrors.point(network.errorsReceived, entity, received),
    signals.networkErrors.point(network.errorsTransmitted, entity, transmitted),
    signals.networkDropped.point(network.droppedReceived, entity, received),
    signals.networkDropped.point(network.droppedTransmitted, entity, transmitted),
  ]
}

function diskPoints(disk: DiskIo, entity: EntityReference) {
  const read = { 'disk.io.direction': 'read', 'system.device': disk.device }
  const written = { 'disk.io.direction': 'write', 'system.device': disk.device }
  return [
    signals.diskIo.point(disk.bytesRead, entity, read),
    signals.diskIo.point(disk.bytesWritten, entity, written),
    signals.diskOperations.point(disk.reads, entity, read),
    signals.diskOperations.point(disk.writes, entity, written),
  ]
}
