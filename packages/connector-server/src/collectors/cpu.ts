import { setTimeout as sleep } from 'node:timers/promises'
import type { Collector, Metric, Signals } from '@rca/core/connector'
import { CPU_MODES, type CpuReading, type CpuTimes, type ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** Shortest time that a utilization is computed over, in milliseconds: the kernel counts in steps of ten. */
const SHORTEST = 200

/** How busy the processors are, in all and one by one. */
export const cpu: Collector<ServerClient> = {
  async collect(client, { signal, swapState }) {
    let reading = await client.cpu()
    let before = swapState(reading)
    if (before === undefined) {
      before = client.firstCpuReading
      const missing = SHORTEST - (reading.takenAt - before.takenAt)
      if (missing > 0) {
        await sleep(missing, undefined, { signal })
        reading = await client.cpu()
        swapState(reading)
      }
    }
    return toSignals(reading, before, client)
  },
}

function toSignals(reading: CpuReading, before: CpuReading, { machine: { entity } }: ServerClient): Signals {
  const spent = timesBetween(before.total, reading.total)
  const metrics: (Metric | undefined)[] = [
    signals.cpuUtilization.point(busyShare(spent), entity),
    signals.cpuLogicalCount.point(reading.cores.size, entity),
    signals.processesCreated.point(reading.processesCreated, entity),
  ]
  for (const mode of CPU_MODES) {
    metrics.push(
      signals.cpuTime.point(reading.total[mode], entity, { 'cpu.mode': mode }),
      signals.cpuUtilization.point(shareOf(spent[mode], spent), entity, { 'cpu.mode': mode }),
    )
  }
  for (const [number, times] of reading.cores) {
    const earlier = before.cores.get(number)
    // A processor that has come online meanwhile has nothing to be compared with.
    if (earlier === undefined) continue
    const share = busyShare(timesBetween(earlier, times))
    metrics.push(signals.cpuUtilization.point(share, entity, { 'cpu.logical_number': number }))
  }
  return { metrics }
}

/** `iowait` may go backwards (Documentation/filesystems/proc.rst), and everything does when a virtual machine is moved. */
function timesBetween(before: CpuTimes, after: CpuTimes): CpuTimes {
  const spent: Partial<Record<keyof CpuTimes, number>> = {}
  for (const mode of CPU_MODES) {
    const [start, end] = [before[mode], after[mode]]
    if (start !== undefined && end !== undefined) spent[mode] = Math.max(0, end - start)
  }
  return spent
}

function busyShare(spent: CpuTimes): number | undefined {
  const idle = shareOf((spent.idle ?? 0) + (spent.iowait ?? 0), spent)
  return idle === undefined ? undefined : Math.max(0, 1 - idle)
}

function shareOf(part: number | undefined, spent: CpuTimes): number | undefined {
  let whole = 0
  for (const mode of CPU_MODES) whole += spent[mode] ?? 0
  return part === undefined || whole === 0 ? undefined : part / whole
}
