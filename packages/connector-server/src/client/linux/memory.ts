import type { MemoryReading, PagingReading } from '../server-client.ts'
import { kernelNumber, numberAfter } from './kernel-number.ts'
import { parseMemoryInformation, parseZfsCache, toMemoryReading } from './meminfo.ts'
import type { RootReader } from './root-reader.ts'

/** Files of a container's control group of version 2 and 1. A host's group has none, or a limit above its memory. */
const CONTAINER_GROUPS = [
  { limit: 'sys/fs/cgroup/memory.max', usage: 'sys/fs/cgroup/memory.current' },
  { limit: 'sys/fs/cgroup/memory/memory.limit_in_bytes', usage: 'sys/fs/cgroup/memory/memory.usage_in_bytes' },
]

const ZFS_STATISTICS = 'proc/spl/kstat/zfs/arcstats'

/**
 * Creates a reader of the memory. In a container of LXC, a filesystem is mounted over `/proc/meminfo` to show its share
 * of the memory; the cache of ZFS is not in that share.
 */
export function createMemoryReader(reader: RootReader, mountTable: string): () => MemoryReading {
  const isShare = (reader.optionalText(mountTable) ?? '').includes(' /proc/meminfo ')
  const group = CONTAINER_GROUPS.find(({ limit }) => reader.exists(limit))
  const readContainer = (total: number): MemoryReading['container'] => {
    const limit = group === undefined ? undefined : kernelNumber(reader.optionalText(group.limit) ?? '')
    if (group === undefined || limit === undefined || limit >= total) return undefined
    return { limit, usage: kernelNumber(reader.optionalText(group.usage) ?? '') }
  }
  return () => {
    const zfs = !isShare && reader.exists(ZFS_STATISTICS) ? parseZfsCache(reader.text(ZFS_STATISTICS)) : undefined
    const reading = toMemoryReading(parseMemoryInformation(reader.filledText('proc/meminfo')), zfs)
    return { ...reading, container: readContainer(reading.total) }
  }
}

/** Reads swap, and what was paged since boot. */
export function readPaging(reader: RootReader): PagingReading {
  const memory = parseMemoryInformation(reader.filledText('proc/meminfo'))
  const statistics = `\n${reader.optionalText('proc/vmstat') ?? ''}`
  const faults = numberAfter(statistics, '\npgfault ')
  const majorFaults = numberAfter(statistics, '\npgmajfault ')
  return {
    total: memory.get('SwapTotal'),
    free: memory.get('SwapFree'),
    pagedIn: numberAfter(statistics, '\npswpin '),
    pagedOut: numberAfter(statistics, '\npswpout '),
    majorFaults,
    minorFaults: faults === undefined || majorFaults === undefined ? undefined : Math.max(0, faults - majorFaults),
  }
}
