import { type Collector, type Metric, metric, type Signals } from '@rca/core/connector'
import {
  PROCESS_STATES,
  type ProcessesReading,
  type ProcessReading,
  type ProcessState,
  type ServerClient,
} from '../client/server-client.ts'
import { processAttributes } from '../entities.ts'

export const processSignals = {
  processCount: metric({
    name: 'system.process.count',
    unit: '{process}',
    kind: 'updowncounter',
    description: 'Processes by state.',
    attributes: { 'process.state': '`running`, `sleeping`, `blocked` (waits for a device), `stopped` or `defunct`.' },
  }),
  processCpuUtilization: metric({
    name: 'process.cpu.utilization',
    unit: '1',
    kind: 'gauge',
    description: 'Share of all processors that a process used since the last collection. For the busiest processes.',
    attributes: processAttributes,
  }),
  processMemoryUsage: metric({
    name: 'process.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Physical memory of a process, including shared memory. For the largest processes.',
    attributes: processAttributes,
  }),
}

/** Processes by state, and the busiest and largest processes by name. */
export const processes: Collector<ServerClient> = {
  // On a host with many processes this costs more than all other collectors together.
  interval: '30s',
  async collect(client, { swapState }) {
    const reading = await client.processes()
    return toSignals(reading, swapState(indexed(reading)), client)
  },
}

/** A reading as the next run needs it. */
interface EarlierReading {
  readonly takenAt: number
  readonly byPid: ReadonlyMap<number, ProcessReading>
}

function indexed({ takenAt, processes: list }: ProcessesReading): EarlierReading {
  return { takenAt, byPid: new Map(list.map((process) => [process.pid, process])) }
}

function toSignals(reading: ProcessesReading, previous: EarlierReading | undefined, client: ServerClient): Signals {
  const { topProcesses, machine } = client
  const shares = reading.processes.flatMap((process): [ProcessReading, number][] => {
    const share = cpuShare(process, reading, previous)
    return share === undefined || share <= 0 ? [] : [[process, share]]
  })
  const busiest = shares.toSorted(([, one], [, other]) => other - one).slice(0, topProcesses)
  const largest = reading.processes
    .filter(({ residentBytes }) => residentBytes > 0)
    .toSorted((one, other) => other.residentBytes - one.residentBytes)
    .slice(0, topProcesses)
  const attributes = ({ pid, name }: ProcessReading) => ({ 'process.pid': pid, 'process.executable.name': name })
  return {
    metrics: [
      ...countByState(reading.processes, client),
      ...busiest.map(([process, share]) =>
        processSignals.processCpuUtilization.point(share, machine.entity, attributes(process)),
      ),
      ...largest.map((process) =>
        processSignals.processMemoryUsage.point(process.residentBytes, machine.entity, attributes(process)),
      ),
    ],
  }
}

function cpuShare(
  process: ProcessReading,
  reading: ProcessesReading,
  previous: EarlierReading | undefined,
): number | undefined {
  if (process.cpuTime === undefined) return process.cpuShare
  const earlier = previous?.byPid.get(process.pid)
  if (previous === undefined || reading.takenAt <= previous.takenAt) return undefined
  // A process that started after the previous reading used all its CPU time since then.
  const used = process.cpuTime - (earlier?.startedAt === process.startedAt ? (earlier.cpuTime ?? 0) : 0)
  return used / ((reading.takenAt - previous.takenAt) / 1000) / reading.logicalCpus
}

function countByState(list: readonly ProcessReading[], { machine }: ServerClient): (Metric | undefined)[] {
  const counts = new Map<ProcessState, number>(PROCESS_STATES.map((state) => [state, 0]))
  for (const { state } of list) if (state !== undefined) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts].map(([state, count]) =>
    processSignals.processCount.point(count, machine.entity, { 'process.state': state }),
  )
}
