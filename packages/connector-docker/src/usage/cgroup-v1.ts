import type { ContainerUsage, DiskIo } from './container-usage.ts'
import { divide, parseLimit, parseNumber, parseTable, type ReadFile, subtract } from './kernel-files.ts'

/** Clock ticks per second in user space, the same on every Linux that Docker supports (time(7)). */
const USER_HZ = 100

/** Reads a container's usage from its folder below each controller (kernel: admin-guide/cgroup-v1). */
export function readCgroupV1(controller: (name: string) => ReadFile): Omit<ContainerUsage, 'networks'> {
  const cpuacct = controller('cpuacct')
  const memory = controller('memory')
  const modes = parseTable(cpuacct('cpuacct.stat'))
  const throttling = parseTable(controller('cpu')('cpu.stat'))
  const statistics = parseTable(memory('memory.stat'))
  const usage = subtract(parseNumber(memory('memory.usage_in_bytes')), statistics('total_inactive_file'))
  return {
    cpu: {
      total: divide(parseNumber(cpuacct('cpuacct.usage')), 1e9),
      user: divide(modes('user'), USER_HZ),
      system: divide(modes('system'), USER_HZ),
      periods: throttling('nr_periods'),
      throttledPeriods: throttling('nr_throttled'),
      throttledTime: divide(throttling('throttled_time'), 1e9),
    },
    memory: {
      usage,
      workingSet: usage,
      rss: statistics('total_rss'),
      limit: parseLimit(memory('memory.limit_in_bytes')),
      fails: parseNumber(memory('memory.failcnt')),
    },
    pids: parseNumber(controller('pids')('pids.current')),
    disks: readDisks(controller('blkio')),
  }
}

/** Recursive files exist since Linux 5.4. Newer kernels count only below a limit, and write `Total 0` otherwise. */
function readDisks(blkio: ReadFile): DiskIo[] | undefined {
  const bytes = blkio('blkio.throttle.io_service_bytes_recursive') ?? blkio('blkio.throttle.io_service_bytes')
  const counts = blkio('blkio.throttle.io_serviced_recursive') ?? blkio('blkio.throttle.io_serviced')
  if (bytes === undefined && counts === undefined) return undefined
  const [bytesOf, countsOf] = [parseBlockTable(bytes), parseBlockTable(counts)]
  return [...new Set([...bytesOf.keys(), ...countsOf.keys()])].map((device) => ({
    device,
    bytesRead: bytesOf.get(device)?.Read,
    bytesWritten: bytesOf.get(device)?.Write,
    reads: countsOf.get(device)?.Read,
    writes: countsOf.get(device)?.Write,
  }))
}

/** Parses lines such as `8:0 Read 4096`. */
function parseBlockTable(text = ''): Map<string, Record<string, number | undefined>> {
  const table = new Map<string, Record<string, number | undefined>>()
  for (const [, device = '', operation = '', value] of text.matchAll(/^(\d+:\d+) (\w+) (\d+)$/gm)) {
    const row = table.get(device) ?? {}
    row[operation] = parseNumber(value)
    table.set(device, row)
  }
  return table
}
