import { setTimeout as sleep } from 'node:timers/promises'
import type { Collector, Metric, Signals } from '@rca/core/connector'
import { CPU_MODES, type CpuReading, type CpuTimes, type ServerClient } from '../client/server-client.ts'
import { counter, gauge, upDownCounter } from '../metrics.ts'

/** Shortest time over which a utilization is computed, in milliseconds. The kernel counts in steps of 10 ms. */
const MIN_UTILIZATION_PERIOD_MS = 200

const modeAttribute = { 'cpu.mode': '`user`, `nice`, `system`, `idle`, `iowait`, `interrupt` or `steal`.' }

export const cpuSignals = {
  cpuTime: counter('system.cpu.time', 's', 'Time that all processors together spent in a mode.', modeAttribute),
  cpuUtilization: gauge(
    'system.cpu.utilization',
    '1',
    'Busy share of the time since the last collection: neither idle nor waiting for a disk. Without attributes: of all processors. With `cpu.mode`: the share of all processors in that mode. With `cpu.logical_number`: of one processor.',
    { ...modeAttribute, 'cpu.logical_number': 'Number of the logical processor, from 0.' },
  ),
  cpuLogicalCount: upDownCounter('system.cpu.logical.count', '{cpu}', 'Logical processors that are online.'),
  contextSwitches: counter(
    'server.cpu.context_switch.count',
    '{switch}',
    'How often the processors switched to another thread since boot.',
  ),
  processesCreated: counter('system.process.created', '{process}', 'Processes and threads created since boot.'),
}

/** Time and utilization of the processors, in total, by mode and by processor. */
export const cpu: Collector<ServerClient> = {
  async collect(client, { signal, swapState }) {
    let reading = await client.cpu()
    let previous = swapState(reading)
    if (previous === undefined) {
      previous = client.firstCpuReading
      const missing = MIN_UTILIZATION_PERIOD_MS - (reading.takenAt - previous.takenAt)
      if (missing > 0) {
        await sleep(missing, undefined, { signal })
        reading = await client.cpu()
        swapState(reading)
      }
    }
    return toSignals(reading, previous, client)
  },
}

function toSignals(reading: CpuReading, previous: CpuReading, { machine: { entity } }: ServerClient): Signals {
  const spent = timesBetween(previous.total, reading.total)
  const metrics: (Metric | undefined)[] = [
    cpuSignals.cpuUtilization.point(busyShare(spent), entity),
    cpuSignals.cpuLogicalCount.point(reading.cores.size, entity),
    cpuSignals.contextSwitches.point(reading.contextSwitches, entity),
    cpuSignals.processesCreated.point(reading.processesCreated, entity),
  ]
  for (const mode of CPU_MODES) {
    metrics.push(
      cpuSignals.cpuTime.point(reading.total[mode], entity, { 'cpu.mode': mode }),
      cpuSignals.cpuUtilization.point(shareOf(spent[mode], spent), entity, { 'cpu.mode': mode }),
    )
  }
  for (const [number, times] of reading.cores) {
    const earlier = previous.cores.get(number)
    // A processor that came online since the previous reading has no share yet.
    if (earlier === undefined) continue
    const share = busyShare(timesBetween(earlier, times))
    metrics.push(cpuSignals.cpuUtilization.point(share, entity, { 'cpu.logical_number': number }))
  }
  return { metrics }
}

/**
 * Returns the time spent in each mode, at least 0: `iowait` may decrease (Documentation/filesystems/proc.rst), and all
 * counters may decrease when a virtual machine is migrated.
 */
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
