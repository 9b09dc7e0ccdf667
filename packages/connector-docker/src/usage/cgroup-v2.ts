import type { ContainerUsage, DiskIo } from './container-usage.ts'
import { divide, parseLimit, parseNumber, parseTable, type ReadFile, subtract } from './kernel-files.ts'

/** Reads a container's usage from its folder (kernel: admin-guide/cgroup-v2). */
export function readCgroupV2(read: ReadFile): Omit<ContainerUsage, 'networks'> {
  const cpu = parseTable(read('cpu.stat'))
  const statistics = parseTable(read('memory.stat'))
  const usage = subtract(parseNumber(read('memory.current')), statistics('inactive_file'))
  return {
    cpu: {
      total: divide(cpu('usage_usec'), 1e6),
      user: divide(cpu('user_usec'), 1e6),
      system: divide(cpu('system_usec'), 1e6),
      periods: cpu('nr_periods'),
      throttledPeriods: cpu('nr_throttled'),
      throttledTime: divide(cpu('throttled_usec'), 1e6),
    },
    memory: {
      usage,
      workingSet: usage,
      rss: statistics('anon'),
      // `max` without a limit.
      limit: parseLimit(read('memory.max')),
      fails: parseTable(read('memory.events'))('max'),
    },
    pids: parseNumber(read('pids.current')),
    disks: parseDisks(read('io.stat')),
  }
}

/**
 * Parses lines such as `8:0 rbytes=4096 wbytes=0 rios=1 wios=0`, with further columns such as `cost.wait=0` and
 * `depth=max`. Some kernels write no line break after a device without counters.
 */
function parseDisks(text: string | undefined): DiskIo[] | undefined {
  if (text === undefined) return undefined
  return [...text.matchAll(/(\d+:\d+)((?: \S+=\S+)+) *$/gm)].map(([, device = '', pairs = '']) => {
    const values = Object.fromEntries(
      [...pairs.matchAll(/ (\w+)=(\d+)(?= |$)/g)].map(([, key, value]) => [key, parseNumber(value)]),
    )
    return {
      device,
      bytesRead: values.rbytes,
      bytesWritten: values.wbytes,
      reads: values.rios,
      writes: values.wios,
    }
  })
}
