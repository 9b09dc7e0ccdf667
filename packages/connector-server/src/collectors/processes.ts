import type { Collector, Metric, Signals } from '@rca/core/connector'
import {
  PROCESS_STATES,
  type ProcessesReading,
  type ProcessReading,
  type ProcessState,
  type ServerClient,
} from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Processes by state, and the busiest and largest of them by name. */
export const processes: Collector<ServerClient> = {
  // Reading all processes costs more than everything else together where there are many.
  interval: '30s',
  async collect(client, { swapState }) {
    const reading = await client.processes()
    return toSignals(reading, swapState(indexed(reading)), client)
  },
}

/** What is kept of a reading for the next one. */
interface EarlierReading {
  readonly takenAt: number
  readonly byPid: ReadonlyMap<number, ProcessReading>
}

function indexed({ takenAt, processes: list }: ProcessesReading): EarlierReading {
  return { takenAt, byPid: new Map(list.map((process) => [process.pid, process])) }
}

function toSignals(reading: ProcessesReading, before: EarlierReading | undefined, client: ServerClient): Signals {
  const { topProcesses, machine } = client
  const shares = reading.processes.flatMap((process): [ProcessReading, number][] => {
    const share = cpuShare(process, reading, before)
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
        signals.processCpuUtilization.point(share, machine.entity, attributes(process)),
      ),
      ...largest.map((process) =>
        signals.processMemoryUsage.point(process.residentBytes, machine.entity, attributes(process)),
      ),
    ],
  }
}

function cpuShare(
  process: ProcessReading,
  reading: ProcessesReading,
  before: EarlierReading | undefined,
): number | undefined {
  if (process.cpuTime === undefined) return process.cpuShare
  const earlier = before?.byPid.get(process.pid)
  if (before === undefined || reading.takenAt <= before.takenAt) return undefined
  // A process that was not there before has used all of its time since.
  const used = process.cpuTime - (earlier?.startedAt === process.startedAt ? (earlier.cpuTime ?? 0) : 0)
  return used / ((reading.takenAt - before.takenAt) / 1000) / reading.logicalCpus
}

function countByState(list: readonly ProcessReading[], { machine }: ServerClient): (Metric | undefined)[] {
  const counts = new Map<ProcessState, number>(PROCESS_STATES.map((state) => [state, 0]))
  for (const { state } of list) if (state !== undefined) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts].map(([state, count]) =>
    signals.processCount.point(count, machine.entity, { 'process.state': state }),
  )
}
