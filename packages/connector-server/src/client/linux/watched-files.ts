import { type FSWatcher, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, watch } from 'node:fs'
import { join, relative } from 'node:path'
import { inTimeSlices } from '@rca/core/connector'
import type { FileState, WatchedFiles } from '../server-client.ts'
import type { Shares } from './shares.ts'

/** Maximum number of watched files. */
export const MAX_FILES = 5_000

/** Maximum size of a file whose content is hashed, in bytes. */
const MAX_HASHED_BYTES = 1 << 20

/** Time between two scans of everything where the kernel does not report changes, in milliseconds. */
const SCAN_INTERVAL_MS = 300_000

/** Files that programs write while they run, and files of editors and package managers that exist for a moment. */
export const IGNORED: RegExp =
  /(?:~|\.(?:swp|swpx|swx|tmp|lock|dpkg-new|dpkg-tmp)|;[0-9a-f]{8})$|(?:^|\/)(?:\.#|4913$|\.pwd\.lock$)|^\/etc\/(?:adjtime|ld\.so\.cache|mtab|blkid\.tab.*|passwd-|group-|shadow-|gshadow-|subuid-|subgid-|lvm\/(?:archive|backup|cache)\/.*|cups\/subscriptions\.conf.*)$/

/** Options of {@link createWatchedFiles}. */
export interface WatchedFilesOptions {
  readonly root: string
  /** Absolute paths of folders below the root. */
  readonly folders: readonly string[]
  readonly keyedHash: (text: string) => string
  /** Finds paths that are left out, since their filesystem may not answer. */
  readonly findShares: () => Shares
  /** @default that of Node, which uses inotify(7) */
  readonly watchFolder?: typeof watch
}

/**
 * Creates a reader of the files below some folders. inotify(7) reports those that have changed: no others are read.
 */
export function createWatchedFiles({
  root,
  folders,
  keyedHash,
  findShares,
  watchFolder = watch,
}: WatchedFilesOptions): WatchedFiles {
  const watchers = new Map<string, FSWatcher>()
  const files = new Map<string, FileState>()
  let dirty = new Set<string>()
  let isBlind = false
  let nextScan = 0
  let snapshot: Readonly<Record<string, FileState>> = {}
  let shares: Shares = { mountPoints: [], has: () => false }

  const hostPath = (path: string): string => `/${relative(root, path)}`

  /** Watches a folder, and returns the paths of the files in it and below. */
  const open = (folder: string): string[] => {
    if (shares.has(hostPath(folder))) return []
    let entries: string[]
    try {
      entries = readdirSync(folder)
    } catch {
      return []
    }
    if (!watchers.has(folder)) {
      try {
        // The folder may be deleted before its watcher notices.
        const watcher = watchFolder(folder, { persistent: false }, (_type, name) => {
          dirty.add(name === null ? folder : join(folder, name))
        }).on('error', () => close(folder))
        watchers.set(folder, watcher)
      } catch {
        isBlind = true
      }
    }
    return entries.flatMap((name) => {
      const path = join(folder, name)
      if (shares.has(hostPath(path))) return []
      return lookAt(path)?.isDirectory() === true ? open(path) : [path]
    })
  }

  const close = (folder: string): void => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }

  /** Reads the state of a file again. */
  const update = (path: string): void => {
    const name = hostPath(path)
    if (IGNORED.test(name)) return
    const state = readState(path, keyedHash)
    if (state === undefined) files.delete(name)
    else if (files.has(name) || files.size < MAX_FILES) files.set(name, state)
  }

  const refresh = async (paths: Iterable<string>): Promise<void> => {
    for await (const slice of inTimeSlices(paths)) for (const path of slice) update(path)
  }

  const forget = (path: string): void => {
    for (const folder of [...watchers.keys()]) if (isWithin(folder, path)) close(folder)
    for (const name of [...files.keys()]) if (isWithin(name, hostPath(path))) files.delete(name)
  }

  return {
    read: async (now) => {
      if (nextScan === 0 || (isBlind && now.getTime() >= nextScan)) {
        nextScan = now.getTime() + SCAN_INTERVAL_MS
        shares = findShares()
        dirty = new Set()
        const found = new Set(folders.flatMap((folder) => open(join(root, folder))))
        for (const name of [...files.keys()]) if (!found.has(join(root, name))) files.delete(name)
        await refresh(found)
        snapshot = Object.fromEntries(files)
        return snapshot
      }
      if (dirty.size === 0) return snapshot
      const changed = dirty
      dirty = new Set()
      shares = findShares()
      const paths = [...changed].flatMap((path) => {
        if (shares.has(hostPath(path))) return []
        const stats = lookAt(path)
        if (stats?.isDirectory() === true) return open(path)
        if (stats === undefined) forget(path)
        return [path]
      })
      await refresh(paths)
      snapshot = Object.fromEntries(files)
      return snapshot
    },
    isOnShare: (path) => shares.has(path),
    close: () => {
      for (const folder of [...watchers.keys()]) close(folder)
    },
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Returns `undefined` for a file that does not exist, and for what is neither a file nor a link. */
function readState(path: string, keyedHash: (text: string) => string): FileState | undefined {
  const stats = lookAt(path)
  if (stats === undefined || !(stats.isFile() || stats.isSymbolicLink())) return undefined
  const state = { size: stats.size, mode: stats.mode & 0o7777, owner: stats.uid }
  try {
    if (stats.isSymbolicLink()) return { ...state, hash: keyedHash(readlinkSync(path)) }
    if (stats.size <= MAX_HASHED_BYTES) return { ...state, hash: keyedHash(readFileSync(path, 'latin1')) }
  } catch {
    // This user may not read it: a change of its content shows in its time.
  }
  return { ...state, modifiedAt: stats.mtime.toISOString() }
}
