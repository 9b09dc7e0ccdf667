import type { LibraryAnswer } from '../client.ts'
import type {
  DiskReading,
  FilesystemReading,
  MemoryReading,
  Mount,
  NetworkInterfaceReading,
  PagingReading,
  ProcessReading,
  ProcessState,
} from '../server-client.ts'

/** Leaves out the library's `used`, which includes caches, and caches of 0, which the system does not count. */
export function toMemoryReading({ total, free, available, buffers, cached }: LibraryAnswer<'mem'>): MemoryReading {
  return { total, free, available, buffers: buffers || undefined, cached: cached || undefined }
}

/** The library has the size and usage of swap space, but no page counters. */
export function toPagingReading({ swaptotal, swapfree }: LibraryAnswer<'mem'>): PagingReading {
  return {
    total: swaptotal,
    free: swapfree,
    pagedIn: undefined,
    pagedOut: undefined,
    majorFaults: undefined,
    minorFaults: undefined,
  }
}

export function toMount({ fs, type, mount, rw }: LibraryAnswer<'fsSize'>[number]): Mount {
  const readOnly = rw === false
  return { mountPoint: mount, device: fs, type, readOnly, filesystemReadOnly: readOnly, disk: undefined }
}

export function toFilesystemReading(filesystem: LibraryAnswer<'fsSize'>[number]): FilesystemReading {
  const { size, used, available } = filesystem
  return {
    mount: toMount(filesystem),
    usage: { total: size, used, available, inodes: undefined, freeInodes: undefined },
  }
}

/** Returns the sum of all disks, named `all`: the library has no single disks. On Windows it answers `null`. */
export function toDiskReadings(
  bytes: LibraryAnswer<'fsStats'> | null,
  operations: LibraryAnswer<'disksIO'> | null,
): DiskReading[] {
  if (bytes === null && operations === null) return []
  return [
    {
      name: 'all',
      bytes: undefined,
      bytesRead: bytes?.rx,
      bytesWritten: bytes?.wx,
      reads: operations?.rIO,
      writes: operations?.wIO,
      readTime: undefined,
      writeTime: undefined,
      busyTime: undefined,
    },
  ]
}

export function toNetworkInterfaceReading(statistics: LibraryAnswer<'networkStats'>[number]): NetworkInterfaceReading {
  return {
    name: statistics.iface,
    bytesReceived: statistics.rx_bytes,
    bytesSent: statistics.tx_bytes,
    packetsReceived: undefined,
    packetsSent: undefined,
    receiveErrors: statistics.rx_errors,
    sendErrors: statistics.tx_errors,
    receiveDrops: statistics.rx_dropped,
    sendDrops: statistics.tx_dropped,
  }
}

const STATES: Readonly<Record<string, ProcessState>> = {
  running: 'running',
  sleeping: 'sleeping',
  idle: 'sleeping',
  blocked: 'blocked',
  stopped: 'stopped',
  zombie: 'defunct',
}

/** On macOS the library returns `pcpu` of ps(1), a share of one processor; elsewhere a share of all processors. */
export function toProcessReading(
  { pid, name, state, started, cpu, memRss }: LibraryAnswer<'processes'>['list'][number],
  platform: NodeJS.Platform,
  logicalCpus: number,
): ProcessReading {
  return {
    pid,
    startedAt: started,
    name,
    state: STATES[state] ?? 'unknown',
    cpuShare: cpu / 100 / (platform === 'darwin' ? logicalCpus : 1),
    residentBytes: memRss * 1024,
  }
}
