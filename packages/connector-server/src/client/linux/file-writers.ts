import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { inTimeSlices } from '@rca/core/connector'
import type { FileWriter } from '../server-client.ts'
import { LOCAL_TYPE } from './filesystem-usage.ts'
import { parseMountInformation } from './mountinfo.ts'
import type { RootReader } from './root-reader.ts'

/** Access modes in the flags of an open file. open(2) */
const O_ACCMODE = 0o3

/**
 * Finds the files of a filesystem that processes have open for writing, also deleted ones, as far as this user may see
 * them. Compares filesystems by their numbers, since a process in a container has other paths.
 *
 * @returns the largest files first. Empty for a filesystem whose files may not answer
 */
export async function findFileWriters(
  reader: RootReader,
  mountTable: string,
  mountPoint: string,
  limit: number,
): Promise<FileWriter[]> {
  const mount = parseMountInformation(reader.text(mountTable, 'latin1')).findLast(
    (candidate) => candidate.mountPoint === mountPoint,
  )
  if (mount === undefined || !LOCAL_TYPE.test(mount.type)) return []
  const writers: FileWriter[] = []
  const seen = new Set<string>()
  const pids = readdirSync(reader.resolve('proc')).filter((name) => /^\d+$/.test(name))
  for await (const slice of inTimeSlices(pids)) {
    for (const pid of slice) {
      for (const { path, size, inode } of openFiles(reader, pid, mount.filesystem)) {
        if (seen.has(inode)) continue
        seen.add(inode)
        const name = attempt(() => reader.text(`proc/${pid}/comm`).trim())
        if (name !== undefined) writers.push({ pid: Number(pid), name, path, size })
      }
    }
  }
  return writers.toSorted((one, other) => other.size - one.size).slice(0, limit)
}

/** Returns the files of a filesystem that a process has open for writing. */
function openFiles(reader: RootReader, pid: string, filesystem: string) {
  const folder = reader.resolve(`proc/${pid}/fd`)
  const descriptors = attempt(() => readdirSync(folder)) ?? []
  let mounts: ReadonlySet<string> | undefined
  return descriptors.flatMap((descriptor) => {
    const path = attempt(() => readlinkSync(`${folder}/${descriptor}`)) ?? ''
    if (!path.startsWith('/') || path.startsWith('/dev/')) return []
    const information = attempt(() => reader.text(`proc/${pid}/fdinfo/${descriptor}`)) ?? ''
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(information)?.[1] ?? '0', 8)
    if ((flags & O_ACCMODE) === 0) return []
    mounts ??= mountsOf(reader, pid, filesystem)
    // Looks at no file of another filesystem, which may not answer.
    if (!mounts.has(/^mnt_id:\s*(\d+)/m.exec(information)?.[1] ?? '')) return []
    const stats = attempt(() => statSync(`${folder}/${descriptor}`))
    return stats?.isFile() === true ? [{ path, size: stats.blocks * 512, inode: String(stats.ino) }] : []
  })
}

/** Returns the ids of a filesystem's mounts in the namespace of a process. */
function mountsOf(reader: RootReader, pid: string, filesystem: string): ReadonlySet<string> {
  const text = attempt(() => reader.text(`proc/${pid}/mountinfo`, 'latin1')) ?? ''
  return new Set(
    parseMountInformation(text)
      .filter((mount) => mount.filesystem === filesystem)
      .map(({ id }) => id),
  )
}

function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
