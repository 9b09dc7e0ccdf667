import type { Collector, Metric, Signals } from '@rca/core/connector'
import {
  PROCESS_STATES,
  type ProcessesReading,
  type ProcessReading,
  type ProcessState,
  type ServerClient,
} from '../client/server-client.ts'
import { processAttributes } from '../entities.ts'
import { gauge, upDownCounter } from '../metrics.ts'

export const processSignals = {
  processCount: upDownCounter(
    'system.process.count',
    '{process}',
    'Processes by state. The states add up to all processes.',
    {
      'process.state': '`running`, `sleeping`, `blocked` (waits for a device), `stopped`, `defunct` or `unknown`.',
    },
  ),
  processCpuUtilization: gauge(
    'process.cpu.utilization',
    '1',
    'Share of all processors that a process used since the last collection. For the busiest processes.',
    processAttributes,
  ),
  processMemoryUsage: upDownCounter(
    'process.memory.usage',
    'By',
    'Physical memory of a process, including shared memory. For the largest processes.',
    processAttributes,
  ),
}

/** Processes by state, and the busiest and largest processes by name. */
export const processes: Collector<ServerClient> = {
  // On a host with many processes this costs more than all other collectors together.
  interval: '30s',
  async collect(client, { swapState }) {
    const reading = await client.processes()
    return toSignals(reading, swapState(reading), client)
  },
}

function toSignals(reading: ProcessesReading, previous: ProcessesReading | undefined, client: ServerClient): Signals {
  const { topProcesses, machine } = client
  const earlier = new Map(previous?.processes.map((process) => [process.pid, process]))
  const seconds = (reading.takenAt - (previous?.takenAt ?? reading.takenAt)) / 1000
  // The number of processors may have changed since the previous reading.
  const logicalCpus = Math.max(reading.logicalCpus, previous?.logicalCpus ?? 0)
  const shares = reading.processes.flatMap((process): [ProcessReading, number][] => {
    const share = cpuShare(process, earlier.get(process.pid), seconds * logicalCpus)
    return share === undefined || share <= 0 ? [] : [[process, share]]
  })
  const busiest = shares.toSorted(([, one], [, other]) => other - one).slice(0, topProcesses)
  const largest = reading.processes
    .filter(({ residentBytes }) => residentBytes > 0)
    .toSorted((one, other) => other.residentBytes - one.residentBytes)
    .slice(0, topProcesses)
  const attributes = ({ pid, name }: ProcessReading) => ({ 'process.pid': pid, 'process.executable.name': name })
  const { problem } = reading
  return {
    gaps: problem === undefined ? [] : [{ scope: 'processes', reason: problem }],
    metrics: [
      ...(problem === undefined ? countByState(reading.processes, client) : []),
      ...busiest.map(([process, share]) =>
        processSignals.processCpuUtilization.point(share, machine.entity, attributes(process)),
      ),
      ...largest.map((process) =>
        processSignals.processMemoryUsage.point(process.residentBytes, machine.entity, attributes(process)),
      ),
    ],
  }
}

/** @param cpuSeconds time of all processors since the previous reading, 0 without one */
function cpuShare(process: ProcessReading, earlier: ProcessReading | undefined, cpuSeconds: number) {
  if (process.cpuTime === undefined) return process.cpuShare
  if (cpuSeconds <= 0) return undefined
  // A process that started after the previous reading used all its CPU time since then.
  const used = process.cpuTime - (earlier?.startedAt === process.startedAt ? (earlier.cpuTime ?? 0) : 0)
  return Math.min(1, used / cpuSeconds)
}

function countByState(list: readonly ProcessReading[], { machine }: ServerClient): (Metric | undefined)[] {
  const counts = new Map<ProcessState, number>(PROCESS_STATES.map((state) => [state, 0]))
  for (const { state } of list) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts].map(([state, count]) =>
    processSignals.processCount.point(count, machine.entity, { 'process.state': state }),
  )
}
