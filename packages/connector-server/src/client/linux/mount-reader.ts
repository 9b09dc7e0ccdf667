import { statSync } from 'node:fs'
import type { NameFilter } from '@rca/core/connector'
import type { Mount } from '../server-client.ts'
import { diskOf } from './disks.ts'
import { createExt4ErrorCheck } from './ext4-errors.ts'
import { type MountInformation, parseMountInformation, selectFilesystems } from './mountinfo.ts'
import type { RootReader } from './root-reader.ts'
import { isShareType } from './shares.ts'

/** Options of {@link createMountReader}. */
export interface MountReaderOptions {
  /** The table of mounts, relative to the root. */
  readonly file: string
  readonly wantsMount: NameFilter
  /** Returns the time of the boot, in seconds since 1970. */
  readonly bootedAt: () => number
}

/** Parses the table of mounts only when its text has changed. Errors of ext4 may not change it. */
export function createMountReader(
  reader: RootReader,
  { file, wantsMount, bootedAt }: MountReaderOptions,
): () => readonly Mount[] {
  let lastText: string | undefined
  let mounts: readonly Mount[] = []
  /** Filesystems whose error the table may not show, by mount point. */
  let unsafe = new Map<string, string>()
  const hasError = createExt4ErrorCheck(reader, bootedAt)
  const update = (text: string): void => {
    const all = parseMountInformation(text)
    const selected = selectFilesystems(all, (mount) => isFile(reader, mount, all)).filter(({ mountPoint }) =>
      wantsMount(mountPoint),
    )
    unsafe = new Map(
      selected
        .filter(({ endsWritingOnError, filesystemReadOnly }) => endsWritingOnError && !filesystemReadOnly)
        .map(({ mountPoint, filesystem }) => [mountPoint, filesystem]),
    )
    mounts = selected.map(({ id, parent, filesystem, directory, endsWritingOnError, ...mount }) => {
      return { ...mount, disk: diskOf(reader, filesystem, mount.device) }
    })
  }
  return () => {
    const text = reader.filledText(file, 'latin1')
    if (text !== lastText) update(text)
    lastText = text
    const failed = new Set([...unsafe].filter(([, filesystem]) => hasError(filesystem)).map(([path]) => path))
    if (failed.size === 0) return mounts
    return mounts.map((mount) =>
      failed.has(mount.mountPoint) ? { ...mount, readOnly: true, filesystemReadOnly: true } : mount,
    )
  }
}

/** Types whose mount points can be looked at without waiting for a server or another process. */
const LOCAL_TYPE = /^(?:bcachefs|btrfs|exfat|ext[234]|f2fs|jfs|ntfs3?|tmpfs|vfat|xfs|zfs)$/

/** Returns whether a single file is mounted, as container runtimes do with `/etc/hosts`. */
function isFile(reader: RootReader, mount: MountInformation, all: readonly MountInformation[]): boolean {
  if (!LOCAL_TYPE.test(mount.type)) return false
  // The way to a mount point below a share may hang too.
  const isBelowShare = all.some(
    ({ mountPoint, type }) => mountPoint !== '/' && isShareType(type) && mount.mountPoint.startsWith(`${mountPoint}/`),
  )
  if (isBelowShare) return false
  try {
    return statSync(pathOf(reader, mount), { throwIfNoEntry: false })?.isDirectory() === false
  } catch {
    return false
  }
}

/** Returns the path of a mount point for this process. */
export function pathOf(
  reader: RootReader,
  { mountPoint, mountPointBytes }: Pick<MountInformation, 'mountPoint' | 'mountPointBytes'>,
): string | Buffer {
  if (mountPointBytes === undefined) return reader.resolve(mountPoint)
  return Buffer.concat([Buffer.from(reader.resolve('/').replace(/\/$/, '')), mountPointBytes])
}
