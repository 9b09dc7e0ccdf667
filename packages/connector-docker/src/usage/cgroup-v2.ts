import type { ContainerUsage, DiskIo } from './container-usage.ts'
import { numberIn, type ReadFile, scaled, tableIn, without } from './kernel-files.ts'

/** What a container's folder says (kernel: admin-guide/cgroup-v2). */
export function readCgroupV2(read: ReadFile): Omit<ContainerUsage, 'networks'> {
  const cpu = tableIn(read('cpu.stat'))
  const statistics = tableIn(read('memory.stat'))
  const usage = without(numberIn(read('memory.current')), statistics('inactive_file'))
  return {
    cpu: {
      total: scaled(cpu('usage_usec'), 1e6),
      user: scaled(cpu('user_usec'), 1e6),
      system: scaled(cpu('system_usec'), 1e6),
      periods: cpu('nr_periods'),
      throttledPeriods: cpu('nr_throttled'),
      throttledTime: scaled(cpu('throttled_usec'), 1e6),
    },
    memory: {
      usage,
      workingSet: usage,
      rss: statistics('anon'),
      // `max` without a limit.
      limit: numberIn(read('memory.max')),
      fails: tableIn(read('memory.events'))('max'),
    },
    pids: numberIn(read('pids.current')),
    disks: disksIn(read('io.stat')),
  }
}

/**
 * Lines `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`, with more columns such as `cost.wait=0` and `depth=max`
 * where a controller of latency or cost is on. Some kernels do not end the line of a device without numbers.
 */
function disksIn(text: string | undefined): DiskIo[] | undefined {
  if (text === undefined) return undefined
  return [...text.matchAll(/(\d+:\d+)((?: \S+=\S+)+) *$/gm)].map(([, device = '', pairs = '']) => {
    const values = Object.fromEntries(
      [...pairs.matchAll(/ (\w+)=(\d+)(?= |$)/g)].map(([, key, value]) => [key, Number(value)]),
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
