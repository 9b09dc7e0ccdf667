import { metric } from '@rca/core/connector'
import { process } from './attributes.ts'

/** What is measured of the machine as a whole, and of its processes. */
export const hostMetrics = {
  uptime: metric({
    name: 'system.uptime',
    unit: 's',
    kind: 'gauge',
    description: 'Time since the machine was started.',
  }),
  cpuTime: metric({
    name: 'system.cpu.time',
    unit: 's',
    kind: 'counter',
    description: 'Time that all processors together spent in a mode.',
    attributes: { 'cpu.mode': '`user`, `nice`, `system`, `idle`, `iowait`, `interrupt` or `steal`.' },
  }),
  cpuUtilization: metric({
    name: 'system.cpu.utilization',
    unit: '1',
    kind: 'gauge',
    description:
      'Share of the time since the last collection. Without attributes: of all processors, neither idle nor waiting for a disk. With `cpu.mode`: of all processors, in that mode. With `cpu.logical_number`: of one processor, neither idle nor waiting.',
    attributes: {
      'cpu.mode': '`user`, `nice`, `system`, `idle`, `iowait`, `interrupt` or `steal`.',
      'cpu.logical_number': 'Number of the logical processor, from 0.',
    },
  }),
  cpuLogicalCount: metric({
    name: 'system.cpu.logical.count',
    unit: '{cpu}',
    kind: 'updowncounter',
    description: 'Logical processors in use.',
  }),
  cpuPhysicalCount: metric({
    name: 'system.cpu.physical.count',
    unit: '{cpu}',
    kind: 'updowncounter',
    description: 'Processor cores.',
  }),
  loadAverage1m: metric({
    name: 'system.cpu.load_average.1m',
    unit: '{thread}',
    kind: 'gauge',
    description: 'Threads that ran or waited for a processor or disk, averaged over one minute.',
  }),
  loadAverage5m: metric({
    name: 'system.cpu.load_average.5m',
    unit: '{thread}',
    kind: 'gauge',
    description: 'Threads that ran or waited for a processor or disk, averaged over five minutes.',
  }),
  loadAverage15m: metric({
    name: 'system.cpu.load_average.15m',
    unit: '{thread}',
    kind: 'gauge',
    description: 'Threads that ran or waited for a processor or disk, averaged over fifteen minutes.',
  }),
  memoryLimit: metric({
    name: 'system.memory.limit',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Memory of the machine.',
  }),
  memoryUsage: metric({
    name: 'system.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Memory by use. The states that a system counts add up to the limit.',
    attributes: { 'system.memory.state': '`used`, `free`, `buffers` or `cached`.' },
  }),
  memoryUtilization: metric({
    name: 'system.memory.utilization',
    unit: '1',
    kind: 'gauge',
    description: 'Share of the memory that applications could not get any more without swapping.',
  }),
  memoryAvailable: metric({
    name: 'system.memory.linux.available',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Memory that applications could still get without swapping, as Linux estimates it.',
  }),
  pagingUsage: metric({
    name: 'system.paging.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Swap space or page file by use.',
    attributes: { 'system.paging.state': '`used` or `free`.' },
  }),
  pagingUtilization: metric({
    name: 'system.paging.utilization',
    unit: '1',
    kind: 'gauge',
    description: 'Used share of swap space or page file. Absent where there is none.',
  }),
  pagingOperations: metric({
    name: 'system.paging.operations',
    unit: '{operation}',
    kind: 'counter',
    description: 'Pages brought in from swap space and written to it.',
    attributes: { 'system.paging.direction': '`in` or `out`.' },
  }),
  pagingFaults: metric({
    name: 'system.paging.faults',
    unit: '{fault}',
    kind: 'counter',
    description: 'Page faults. A major one had to wait for a disk.',
    attributes: { 'system.paging.fault.type': '`major` or `minor`.' },
  }),
  processCount: metric({
    name: 'system.process.count',
    unit: '{process}',
    kind: 'updowncounter',
    description: 'Processes by state.',
    attributes: { 'process.state': '`running`, `sleeping`, `blocked` (waits for a device), `stopped` or `defunct`.' },
  }),
  processesCreated: metric({
    name: 'system.process.created',
    unit: '{process}',
    kind: 'counter',
    description: 'Processes and threads created since the machine was started.',
  }),
  processCpuUtilization: metric({
    name: 'process.cpu.utilization',
    unit: '1',
    kind: 'gauge',
    description: 'Share of all processors that one process used since the last collection. For the busiest processes.',
    attributes: process,
  }),
  processMemoryUsage: metric({
    name: 'process.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Physical memory that one process uses, shared memory included. For the largest processes.',
    attributes: process,
  }),
  pressureShare: metric({
    name: 'server.pressure.share',
    unit: '1',
    kind: 'gauge',
    description: 'Share of the last ten seconds in which tasks waited for a resource (pressure stall information).',
    attributes: {
      'server.pressure.resource': '`cpu`, `io`, `memory` or `irq`.',
      'server.pressure.kind': '`some` (at least one task waited) or `full` (all tasks waited).',
    },
  }),
  pressureTime: metric({
    name: 'server.pressure.time',
    unit: 's',
    kind: 'counter',
    description: 'Time in which tasks waited for a resource (pressure stall information).',
    attributes: {
      'server.pressure.resource': '`cpu`, `io`, `memory` or `irq`.',
      'server.pressure.kind': '`some` (at least one task waited) or `full` (all tasks waited).',
    },
  }),
  failedUnitCount: metric({
    name: 'server.systemd.failed_unit.count',
    unit: '{unit}',
    kind: 'updowncounter',
    description: 'systemd units that have failed. Absent where no systemd runs.',
  }),
}
