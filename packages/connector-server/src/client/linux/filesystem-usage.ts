import type { StatsFs } from 'node:fs'
import type { FilesystemReading, FilesystemUsage, Mount } from '../server-client.ts'

/** statfs(2). */
export type StatFilesystem = (path: string) => Promise<StatsFs>

/** How long filesystems may take to answer, in milliseconds. */
const PATIENCE = 2_000

/**
 * Most calls that may hang at once. Each holds one of the four threads that Node has for files; two stay for everyone else.
 */
const MOST_HANGING = 2

/** Asks filesystems how full they are. */
export interface FilesystemUsageReader {
  read(mounts: readonly Mount[], signal: AbortSignal): Promise<FilesystemReading[]>
}

/**
 * A reader that never waits long for a filesystem whose server has gone, and never asks one again that still owes an
 * answer.
 *
 * @param resolve where a mount point is to be found from here
 */
export function createFilesystemUsageReader(
  statfs: StatFilesystem,
  resolve: (mountPoint: string) => string,
  patience = PATIENCE,
): FilesystemUsageReader {
  const hanging = new Set<string>()

  const readOne = async (mount: Mount, timeout: Promise<undefined>): Promise<FilesystemReading> => {
    if (hanging.has(mount.mountPoint)) return { mount, problem: 'it has not answered since it was last asked' }
    if (hanging.size >= MOST_HANGING)
      return { mount, problem: `not asked while ${[...hanging].join(' and ')} do not answer` }
    const answer = statfs(resolve(mount.mountPoint)).then(
      (statistics): FilesystemReading => ({ mount, usage: toUsage(statistics) }),
      (error: unknown): FilesystemReading => ({
        mount,
        problem: error instanceof Error ? error.message : String(error),
      }),
    )
    const reading = await Promise.race([answer, timeout])
    if (reading !== undefined) return reading
    hanging.add(mount.mountPoint)
    void answer.finally(() => hanging.delete(mount.mountPoint))
    return { mount, problem: `it did not answer within ${patience} ms` }
  }

  return {
    read: async (mounts, signal) => {
      signal.throwIfAborted()
      let stop = (): void => undefined
      const timeout = new Promise<undefined>((giveUp) => {
        stop = () => giveUp(undefined)
      })
      const timer = setTimeout(stop, patience)
      signal.addEventListener('abort', stop, { once: true })
      try {
        return await Promise.all(mounts.map((mount) => readOne(mount, timeout)))
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
      }
    },
  }
}

/** A filesystem without blocks (a pseudo filesystem that is not known as one) has a total of 0. */
function toUsage({ bsize, blocks, bfree, bavail, files, ffree }: StatsFs): FilesystemUsage {
  return {
    total: blocks * bsize,
    used: (blocks - bfree) * bsize,
    available: bavail * bsize,
    // btrfs and others make inodes as they need them and say 0.
    ...(files > 0 ? { inodes: files, freeInodes: ffree } : { inodes: undefined, freeInodes: undefined }),
  }
}
