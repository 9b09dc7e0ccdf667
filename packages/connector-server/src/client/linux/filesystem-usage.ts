import type { StatsFs } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { FilesystemReading, FilesystemUsage, Mount } from '../server-client.ts'
import { MAX_KERNEL_NUMBER } from './kernel-number.ts'

/** The part of the answer of statfs(2) that is used. */
export type FilesystemStatistics = Omit<StatsFs, 'type'>

/**
 * Calls statfs(2). Settles when the call has returned.
 *
 * @param signal aborts when the reader does not wait anymore
 */
export type StatFilesystem = (path: string | Buffer, signal: AbortSignal) => Promise<FilesystemStatistics>

/** Time that filesystems have to answer, in milliseconds. */
const STATFS_TIMEOUT_MS = 2_000

/** Maximum number of hanging calls in this process: each blocks one of four threads for files, and two stay free. */
const MAX_HANGING = 2

/** How long the answer of another process is used, in milliseconds: it costs a hundred times as much. */
const MAX_ANSWER_AGE_MS = 12_000

/** How long another reader uses a call of this process, in milliseconds: several look at the same moment. */
const MAX_CALL_AGE_MS = 1_000

/** Types of filesystems whose statistics the kernel has in memory. All others may ask a server or a process. */
export const LOCAL_TYPE =
  /^(?:bcachefs|btrfs|erofs|exfat|ext[234]|f2fs|hfsplus|iso9660|jfs|ntfs3?|overlay|ramfs|reiserfs|squashfs|tmpfs|udf|vfat|xfs|zfs)$/

/** Options of {@link createFilesystemUsageReader}. */
export interface FilesystemUsageOptions {
  /** Calls statfs(2) in this process. For filesystems that do not hang. */
  readonly statfs: StatFilesystem
  /** Calls statfs(2) where a hanging call does no harm. */
  readonly statfsOutside: StatFilesystem
  /** Returns the path of a mount point for this process. */
  readonly resolve: (mount: Mount) => string | Buffer
  /** @default 2000 */
  readonly timeoutMs?: number
  /** Milliseconds on a monotonic clock. @default performance.now */
  readonly now?: () => number
}

/**
 * Returns a reader that survives filesystems that hang, such as a network share whose server is down: it waits up to
 * `timeoutMs` for all filesystems together, and does not call a filesystem whose previous call has not returned.
 */
export function createFilesystemUsageReader({
  statfs,
  statfsOutside,
  resolve,
  timeoutMs = STATFS_TIMEOUT_MS,
  now = () => performance.now(),
}: FilesystemUsageOptions): (mounts: readonly Mount[], signal: AbortSignal) => Promise<FilesystemReading[]> {
  const hanging = new Set<string>()
  const hangingOutside = new Set<string>()
  const answers = new Map<string, { readonly reading: FilesystemReading; readonly at: number }>()
  const calls = new Map<string, { readonly answer: Promise<FilesystemReading>; readonly at: number }>()

  const call = (mount: Mount, run: StatFilesystem, signal: AbortSignal): Promise<FilesystemReading> =>
    run(resolve(mount), signal).then(
      (statistics): FilesystemReading =>
        statistics.blocks < MAX_KERNEL_NUMBER
          ? { mount, usage: toUsage(statistics) }
          : { mount, problem: `statfs states an impossible size: ${statistics.blocks} blocks` },
      (error: Error): FilesystemReading => ({ mount, problem: error.message }),
    )
  const callHere = (mount: Mount, signal: AbortSignal): Promise<FilesystemReading> => {
    const recent = calls.get(mount.mountPoint)
    if (recent !== undefined && now() - recent.at < MAX_CALL_AGE_MS)
      return recent.answer.then((reading) => ({ ...reading, mount }))
    const answer = call(mount, statfs, signal)
    calls.set(mount.mountPoint, { answer, at: now() })
    return answer
  }

  const readOne = async (
    mount: Mount,
    isOutside: boolean,
    timeout: Promise<undefined>,
    signal: AbortSignal,
  ): Promise<FilesystemReading> => {
    const { mountPoint } = mount
    const known = answers.get(mountPoint)
    if (isOutside && known !== undefined && now() - known.at < MAX_ANSWER_AGE_MS) return { ...known.reading, mount }
    const waiting = isOutside ? hangingOutside : hanging
    if (waiting.has(mountPoint)) return { mount, problem: 'the previous statfs call has not returned yet' }
    if (hanging.size >= MAX_HANGING && !isOutside)
      return { mount, problem: `skipped while ${[...hanging].join(' and ')} do not answer` }
    const answer = isOutside ? call(mount, statfsOutside, signal) : callHere(mount, signal)
    const reading = await Promise.race([answer, timeout])
    if (reading !== undefined) {
      if (isOutside) answers.set(mountPoint, { reading, at: now() })
      return reading
    }
    waiting.add(mountPoint)
    void answer.finally(() => waiting.delete(mountPoint))
    return { mount, problem: `statfs did not return within ${timeoutMs} ms` }
  }

  return async (mounts, signal) => {
    signal.throwIfAborted()
    const remote = mounts.filter(({ type }) => !LOCAL_TYPE.test(type)).map(({ mountPoint }) => `${mountPoint}/`)
    for (const mountPoint of answers.keys()) if (!remote.includes(`${mountPoint}/`)) answers.delete(mountPoint)
    for (const [mountPoint, { at }] of calls) if (now() - at >= MAX_CALL_AGE_MS) calls.delete(mountPoint)
    const done = new AbortController()
    let end = (): void => undefined
    const timeout = new Promise<undefined>((resolve) => {
      end = () => {
        // Answers win that came while a busy process could not look at them.
        setImmediate(() => {
          resolve(undefined)
          done.abort()
        })
      }
    })
    const timer = setTimeout(end, timeoutMs)
    signal.addEventListener('abort', end, { once: true })
    try {
      return await Promise.all(
        mounts.map((mount) => {
          // Also the way to a mount point below such a filesystem may hang.
          const isOutside = remote.some((path) => `${mount.mountPoint}/`.startsWith(path))
          return readOne(mount, isOutside, timeout, done.signal)
        }),
      )
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
function toUsage({ bsize, frsize, blocks, bfree, bavail, files, ffree }: FilesystemStatistics): FilesystemUsage {
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
