import type { DiskReading } from '../server-client.ts'
import { kernelNumber } from './kernel-number.ts'
import type { RootReader } from './root-reader.ts'

/** Size of the sectors of `/proc/diskstats` and `/sys/block/<name>/size`, whatever the disk's own sector size. */
const SECTOR_BYTES = 512

/** Block devices that are not disks: loop devices, memory, floppies, CDs. Unused devices of other kinds are empty. */
const NOT_DISKS = /^(?:loop|ram|zram|fd|sr)\d/

/** One of several paths to an NVMe namespace. Its name has the subsystem, the controller and the namespace. */
const NVME_PATH = /^(nvme\d+)c\d+(n\d+)$/

/** Returns a reader of whole disks and volumes, without partitions. It caches the size of each listed device. */
export function createDiskReader(reader: RootReader): () => DiskReading[] {
  let sizes = new Map<string, number | undefined>()

  const sizeOf = (name: string): number | undefined => {
    if (sizes.has(name)) return sizes.get(name)
    // `/sys/block` writes a slash in a device's name (`cciss/c0d0`) as an exclamation mark. It lists no partitions.
    const sectors = NOT_DISKS.test(name)
      ? undefined
      : reader.optionalText(`sys/block/${name.replaceAll('/', '!')}/size`)
    return quotient(kernelNumber(sectors ?? ''), 1 / SECTOR_BYTES)
  }

  return () => {
    const seen = new Map<string, number | undefined>()
    const disks = parseDiskStatistics(reader.text('proc/diskstats'), (name) => {
      const size = sizeOf(name)
      seen.set(name, size)
      return size !== undefined && size > 0
    })
    sizes = seen
    return mergePaths(disks.map((disk) => ({ ...disk, bytes: sizes.get(disk.name) })))
  }
}

/**
 * Adds the counters of the paths to an NVMe namespace to the namespace, which kernels before 6.0 report as 0. Newer
 * ones count there too, and the paths are left out.
 */
function mergePaths(disks: DiskReading[]): DiskReading[] {
  if (!disks.some(({ name }) => NVME_PATH.test(name))) return disks
  const merged = new Map<string, DiskReading>()
  for (const disk of disks) if (!NVME_PATH.test(disk.name)) merged.set(disk.name, disk)
  const counting = new Set([...merged.values()].filter(hasOperations).map(({ name }) => name))
  for (const path of disks) {
    const name = path.name.replace(NVME_PATH, '$1$2')
    const disk = merged.get(name)
    if (name === path.name || counting.has(name)) continue
    merged.set(name, disk === undefined ? { ...path, name } : sumOf(disk, path))
  }
  return [...merged.values()]
}

function hasOperations({ reads, writes, bytesRead, bytesWritten }: DiskReading): boolean {
  return [reads, writes, bytesRead, bytesWritten].some((count) => count !== undefined && count > 0)
}

/** Adds the counters of a path. Paths are busy at the same time: the busiest one counts. */
function sumOf(disk: DiskReading, path: DiskReading): DiskReading {
  const sum = (one: number | undefined, other: number | undefined): number | undefined =>
    one === undefined || other === undefined ? undefined : one + other
  return {
    ...disk,
    bytesRead: sum(disk.bytesRead, path.bytesRead),
    bytesWritten: sum(disk.bytesWritten, path.bytesWritten),
    reads: sum(disk.reads, path.reads),
    writes: sum(disk.writes, path.writes),
    readTime: sum(disk.readTime, path.readTime),
    writeTime: sum(disk.writeTime, path.writeTime),
    busyTime: Math.max(disk.busyTime ?? 0, path.busyTime ?? 0),
  }
}

/**
 * Returns the disk that a block device is or is a part of: `8:1` → `sda`.
 *
 * @param number `major:minor`. Filesystems over several disks, such as btrfs, have a number of their own
 * @param file the device's file, such as `/dev/sda1`
 */
export function diskOf(reader: RootReader, number: string, file: string): string | undefined {
  const [, device] = /^\/dev\/([^/]+)$/.exec(file) ?? []
  const target =
    reader.link(`sys/dev/block/${number}`) ??
    (device === undefined ? undefined : reader.link(`sys/class/block/${device}`))
  if (target === undefined) return undefined
  const [parent = '', name = ''] = target.split('/').slice(-2)
  // The folder of a partition is in that of its disk: `sda/sda1`, `nvme0n1/nvme0n1p1`. Not so `nvme0/nvme0n1`.
  const suffix = name.startsWith(parent) ? name.slice(parent.length) : ''
  const isPartition = (/\d$/.test(parent) ? /^p\d+$/ : /^\d+$/).test(suffix)
  return (isPartition ? parent : name).replaceAll('!', '/')
}

/** Parses the lines of `/proc/diskstats` for which `isDisk` holds. Documentation/admin-guide/iostats.rst */
export function parseDiskStatistics(text: string, isDisk: (name: string) => boolean): Omit<DiskReading, 'bytes'>[] {
  const disks: Omit<DiskReading, 'bytes'>[] = []
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/ +/)
    const name = fields[2]
    if (name === undefined || fields.length < 14 || !isDisk(name)) continue
    const field = (index: number): number | undefined => kernelNumber(fields[index + 2] ?? '')
    const bytes = (index: number): number | undefined => quotient(field(index), 1 / SECTOR_BYTES)
    const seconds = (index: number): number | undefined => quotient(field(index), 1000)
    disks.push({
      name,
      reads: field(1),
      bytesRead: bytes(3),
      readTime: seconds(4),
      writes: field(5),
      bytesWritten: bytes(7),
      writeTime: seconds(8),
      busyTime: seconds(10),
    })
  }
  return disks
}

function quotient(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor
}
