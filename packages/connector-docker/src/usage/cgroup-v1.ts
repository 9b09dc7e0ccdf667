import type { ContainerUsage, DiskIo } from './container-usage.ts'
import { numberIn, type ReadFile, scaled, tableIn, without } from './kernel-files.ts'

/** Ticks a second of user space, the same on every Linux that Docker runs on (time(7)). */
const USER_HZ = 100

/** The kernel writes the greatest number of pages, in bytes, for “no limit”. */
const NO_LIMIT = 2 ** 62

/** What a container's folders of each controller say (kernel: admin-guide/cgroup-v1). */
export function readCgroupV1(controller: (name: string) => ReadFile): Omit<ContainerUsage, 'networks'> {
  const cpuacct = controller('cpuacct')
  const memory = controller('memory')
  const modes = tableIn(cpuacct('cpuacct.stat'))
  const throttling = tableIn(controller('cpu')('cpu.stat'))
  const statistics = tableIn(memory('memory.stat'))
  const usage = without(numberIn(memory('memory.usage_in_bytes')), statistics('total_inactive_file'))
  const limit = numberIn(memory('memory.limit_in_bytes'))
  return {
    cpu: {
      total: scaled(numberIn(cpuacct('cpuacct.usage')), 1e9),
      user: scaled(modes('user'), USER_HZ),
      system: scaled(modes('system'), USER_HZ),
      periods: throttling('nr_periods'),
      throttledPeriods: throttling('nr_throttled'),
      throttledTime: scaled(throttling('throttled_time'), 1e9),
    },
    memory: {
      usage,
      workingSet: usage,
      rss: statistics('total_rss'),
      limit: limit !== undefined && limit < NO_LIMIT ? limit : undefined,
      fails: numberIn(memory('memory.failcnt')),
    },
    pids: numberIn(controller('pids')('pids.current')),
    disks: disksIn(controller('blkio')),
  }
}

/** The recursive files came with Linux 5.4. Newer kernels count only where a limit is set, and say `Total 0` elsewhere. */
function disksIn(blkio: ReadFile): DiskIo[] | undefined {
  const bytes = blkio('blkio.throttle.io_service_bytes_recursive') ?? blkio('blkio.throttle.io_service_bytes')
  const counts = blkio('blkio.throttle.io_serviced_recursive') ?? blkio('blkio.throttle.io_serviced')
  if (bytes === undefined && counts === undefined) return undefined
  const [bytesOf, countsOf] = [blockTable(bytes), blockTable(counts)]
  return [...new Set([...bytesOf.keys(), ...countsOf.keys()])].map((device) => ({
    device,
    bytesRead: bytesOf.get(device)?.Read,
    bytesWritten: bytesOf.get(device)?.Write,
    reads: countsOf.get(device)?.Read,
    writes: countsOf.get(device)?.Write,
  }))
}

/** Lines `8:0 Read 4096`. */
function blockTable(text = ''): Map<string, Record<string, number>> {
  const table = new Map<string, Record<string, number>>()
  for (const [, device = '', operation = '', value] of text.matchAll(/^(\d+:\d+) (\w+) (\d+)$/gm)) {
    const row = table.get(device) ?? {}
    row[operation] = Number(value)
    table.set(device, row)
  }
  return table
}
