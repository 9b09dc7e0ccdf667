import type { StatsFs } from 'node:fs'
import type { FilesystemReading, FilesystemUsage, Mount } from '../server-client.ts'
import { MAX_KERNEL_NUMBER } from './kernel-number.ts'

/** statfs(2), as `node:fs/promises` has it. */
export type StatFilesystem = (path: string | Buffer) => Promise<StatsFs>

/** Time that filesystems have to answer, in milliseconds. */
const STATFS_TIMEOUT_MS = 2_000

/** Maximum number of hanging calls: each blocks one of Node's four threads for file I/O, and two stay free. */
const MAX_HANGING = 2

/**
 * Returns a reader that survives filesystems that hang, such as a network share whose server is down: it waits up to
 * `timeoutMs` for all filesystems together, and does not call a filesystem whose previous call has not returned.
 *
 * @param resolve returns the path of a mount point for this process
 */
export function createFilesystemUsageReader(
  statfs: StatFilesystem,
  resolve: (mount: Mount) => string | Buffer,
  timeoutMs = STATFS_TIMEOUT_MS,
): (mounts: readonly Mount[], signal: AbortSignal) => Promise<FilesystemReading[]> {
  const hanging = new Set<string>()

  const readOne = async (mount: Mount, timeout: Promise<undefined>): Promise<FilesystemReading> => {
    if (hanging.has(mount.mountPoint)) return { mount, problem: 'the previous statfs call has not returned yet' }
    if (hanging.size >= MAX_HANGING)
      return { mount, problem: `skipped while ${[...hanging].join(' and ')} do not answer` }
    const answer = statfs(resolve(mount)).then(
      (statistics): FilesystemReading => ({ mount, usage: toUsage(statistics) }),
      (error: Error): FilesystemReading => ({ mount, problem: error.message }),
    )
    const reading = await Promise.race([answer, timeout])
    if (reading !== undefined) return reading
    hanging.add(mount.mountPoint)
    void answer.finally(() => hanging.delete(mount.mountPoint))
    return { mount, problem: `statfs did not return within ${timeoutMs} ms` }
  }

  return async (mounts, signal) => {
    signal.throwIfAborted()
    let end = (): void => undefined
    const timeout = new Promise<undefined>((resolve) => {
      end = () => resolve(undefined)
    })
    const timer = setTimeout(end, timeoutMs)
    signal.addEventListener('abort', end, { once: true })
    try {
      return await Promise.all(mounts.map((mount) => readOne(mount, timeout)))
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }
}

/**
 * Maps statfs(2). A pseudo filesystem without blocks has a total of 0. Limits the parts to the total, since some
 * filesystems report more free blocks than blocks.
 */
function toUsage({ bsize, frsize, blocks, bfree, bavail, files, ffree }: StatsFs): FilesystemUsage {
  // Blocks have the size `frsize`, and `bsize` is the best size of a read. Older versions of Node.js have no `frsize`.
  const size = frsize || bsize
  const free = partOf(blocks, bfree)
  return {
    total: blocks * size,
    used: (blocks - free) * size,
    available: partOf(free, bavail) * size,
    // btrfs and others create inodes on demand and report 0.
    inodes: files > 0 ? files : undefined,
    freeInodes: files > 0 ? partOf(files, ffree) : undefined,
  }
}

/** Limits a part to its whole. A negative part, such as the space of an overfull filesystem, is 0. */
function partOf(whole: number, part: number): number {
  return part < MAX_KERNEL_NUMBER ? Math.min(whole, part) : 0
}
