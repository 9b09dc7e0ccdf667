import type { DiskReading } from '../server-client.ts'

/** The sectors of `/proc/diskstats` and of `/sys/block/<name>/size`, whatever the disk's own are. */
export const SECTOR_BYTES = 512

export type DiskStatistics = Omit<DiskReading, 'bytes'>

/** Reads the lines of `/proc/diskstats` that `isDisk` wants. Documentation/admin-guide/iostats.rst */
export function parseDiskStatistics(text: string, isDisk: (name: string) => boolean): DiskStatistics[] {
  const disks: DiskStatistics[] = []
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
