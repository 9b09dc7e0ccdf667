import type { DiskReading } from '../server-client.ts'
import type { RootReader } from './root-reader.ts'

/** Size of the sectors of `/proc/diskstats` and `/sys/block/<name>/size`, whatever the disk's own sector size. */
const SECTOR_BYTES = 512

/** Block devices that are not disks: loop devices, memory, floppies, CDs, network block devices. */
const NOT_DISKS = /^(?:loop|ram|zram|fd|sr|nbd)\d/

/** Returns a reader of whole disks and volumes, without partitions. It caches the size of each listed device. */
export function createDiskReader(reader: RootReader): () => DiskReading[] {
  let sizes = new Map<string, number | undefined>()

  const sizeOf = (name: string): number | undefined => {
    if (sizes.has(name)) return sizes.get(name)
    // `/sys/block` writes a slash in a device's name (`cciss/c0d0`) as an exclamation mark. It lists no partitions.
    const sectors = NOT_DISKS.test(name)
      ? undefined
      : reader.optionalText(`sys/block/${name.replaceAll('/', '!')}/size`)
    return sectors === undefined ? undefined : Number(sectors) * SECTOR_BYTES
  }

  return () => {
    const seen = new Map<string, number | undefined>()
    const disks = parseDiskStatistics(reader.text('proc/diskstats'), (name) => {
      const size = sizeOf(name)
      seen.set(name, size)
      return size !== undefined && size > 0
    })
    sizes = seen
    return disks.map((disk) => ({ ...disk, bytes: sizes.get(disk.name) }))
  }
}

/** Returns the disk that a block device (`major:minor`) is or is a part of: `8:1` → `sda`. */
export function diskOf(reader: RootReader, device: string): string | undefined {
  const target = reader.link(`sys/dev/block/${device}`)
  return target === undefined ? undefined : /\/block\/([^/]+)/.exec(target)?.[1]?.replaceAll('!', '/')
}

/** Parses the lines of `/proc/diskstats` for which `isDisk` holds. Documentation/admin-guide/iostats.rst */
export function parseDiskStatistics(text: string, isDisk: (name: string) => boolean): Omit<DiskReading, 'bytes'>[] {
  const disks: Omit<DiskReading, 'bytes'>[] = []
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/ +/)
    const name = fields[2]
    if (name === undefined || fields.length < 14 || !isDisk(name)) continue
    const field = (index: number): number => Number(fields[index + 2])
    disks.push({
      name,
      reads: field(1),
      bytesRead: field(3) * SECTOR_BYTES,
      readTime: field(4) / 1000,
      writes: field(5),
      bytesWritten: field(7) * SECTOR_BYTES,
      writeTime: field(8) / 1000,
      busyTime: field(10) / 1000,
    })
  }
  return disks
}
