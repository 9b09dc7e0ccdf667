import { basename } from 'node:path'
import { kernelNumber } from './kernel-number.ts'
import type { RootReader } from './root-reader.ts'

/**
 * Creates a check of whether ext4 has found an error since the boot. With `errors=remount-ro`, it refuses
 * all writes from then on until it is mounted again. Kernels that do not set `ro` anymore, and do not show
 * `emergency_ro` yet, such as 6.1.176, leave the table of mounts unchanged. Documentation/ABI/testing/sysfs-fs-ext4
 *
 * @param bootedAt seconds since 1970, called only for a filesystem that ever had an error
 */
export function createExt4ErrorCheck(reader: RootReader, bootedAt: () => number): (filesystem: string) => boolean {
  /** Reads a number, `undefined` without such a file. @param filesystem `major:minor` */
  const read = (filesystem: string, file: string): number | undefined => {
    const device = basename(reader.link(`sys/dev/block/${filesystem}`) ?? '')
    return device === '' ? undefined : kernelNumber(reader.optionalText(`sys/fs/ext4/${device}/${file}`) ?? '')
  }
  return (filesystem) => {
    // The disk keeps the number until the filesystem is checked.
    if ((read(filesystem, 'errors_count') ?? 0) === 0) return false
    return (read(filesystem, 'last_error_time') ?? 0) >= bootedAt()
  }
}
