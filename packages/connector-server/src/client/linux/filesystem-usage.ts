import type { StatsFs } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FilesystemReading, FilesystemUsage, Mount } from '../server-client.ts'

/** statfs(2), as `node:fs/promises` has it. */
export type StatFilesystem = (path: string) => Promise<StatsFs>

/** Time that filesystems have to answer, in milliseconds. */
const STATFS_TIMEOUT_MS = 2_000

/** Maximum number of hanging calls: each blocks one of Node's four threads for file I/O, and two stay free. */
const MAX_HANGING = 2

/**
 * Returns a reader that survives filesystems that hang, such as a network share whose server is down: it waits up to
 * `timeoutMs` for all filesystems together, and does not call a filesystem whose previous call has not returned.
 *
 * @param resolve maps a mount point of the host to a path of this process
 */
export function createFilesystemUsageReader(
  statfs: StatFilesystem,
  resolve: (mountPoint: string) => string,
  timeoutMs = STATFS_TIMEOUT_MS,
): (mounts: readonly Mount[], signal: AbortSignal) => Promise<FilesystemReading[]> {
  const hanging = new Set<string>()

  const readOne = async (mount: Mount, timeout: Promise<undefined>): Promise<FilesystemReading> => {
    if (hanging.has(mount.mountPoint)) return { mount, problem: 'the previous statfs call has not returned yet' }
    if (hanging.size >= MAX_HANGING)
      return { mount, problem: `skipped while ${[...hanging].join(' and ')} do not answer` }
    const answer = statfs(resolve(mount.mountPoint)).then(
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
    const done = new AbortController()
    // Not `AbortSignal.timeout`: Node.js 20 may collect it as garbage before it fires.
    const stopped = AbortSignal.any([signal, done.signal])
    const timeout = sleep(timeoutMs, undefined, { signal: stopped }).catch(() => undefined)
    try {
      return await Promise.all(mounts.map((mount) => readOne(mount, timeout)))
    } finally {
      done.abort()
    }
  }
}

/** Maps statfs(2). A pseudo filesystem without blocks has a total of 0. */
function toUsage({ bsize, blocks, bfree, bavail, files, ffree }: StatsFs): FilesystemUsage {
  return {
    total: blocks * bsize,
    used: (blocks - bfree) * bsize,
    available: bavail * bsize,
    // btrfs and others create inodes on demand and report 0.
    ...(files > 0 ? { inodes: files, freeInodes: ffree } : { inodes: undefined, freeInodes: undefined }),
  }
}
