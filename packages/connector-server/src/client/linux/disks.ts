import type { DiskReading } from '../server-client.ts'
import { parseDiskStatistics, SECTOR_BYTES } from './diskstats.ts'
import type { RootReader } from './root-reader.ts'

/** Not disks: files, memory, floppies and CDs that look like one. */
const NOT_DISKS = /^(?:loop|ram|zram|fd|sr|nbd)\d/

/** Reads whole disks and volumes, not partitions. Remembers which device is what, as long as it is listed. */
export function createDiskReader(reader: RootReader): () => DiskReading[] {
  let sizes = new Map<string, number | undefined>()

  const sizeOf = (name: string): number | undefined => {
    if (sizes.has(name)) return sizes.get(name)
    // In `/sys/block`, a slash in a device's name (`cciss/c0d0`) is an exclamation mark. Partitions are not listed there.
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

/** The whole disk that a block device (`major:minor`) is, or is a part of: `8:1` → `sda`. */
export function diskOf(reader: RootReader, device: string): string | undefined {
  const target = reader.link(`sys/dev/block/${device}`)
  return target === undefined ? undefined : /\/block\/([^/]+)/.exec(target)?.[1]?.replaceAll('!', '/')
}
