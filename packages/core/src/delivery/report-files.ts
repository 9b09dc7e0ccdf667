import { mkdir, readdir, readFile, rename, rm, statfs, unlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { DISK_TIMEOUT_MS, hasCode, replaceFile, TEMPORARY } from '../state/state-store.ts'
import { withTimeout } from '../timers.ts'

/** Free space that is left to others: the smaller of the two. */
const MIN_FREE_BYTES = 100 * 1024 * 1024
const MIN_FREE_SHARE = 0.1

/** Reports that are kept for a person who looks for the cause, the newest ones. */
const MAX_SET_ASIDE = 20

/** Sequence, kind, both sizes and id. Names sort in the order in which reports were built. */
const FILE_NAME = /^(\d{16})\.(events|data)\.(\d+)\.(\d+)\.([0-9a-f-]{36})\.json\.gz$/

/** Errors of one file that do not pass. */
const LASTING_ERRORS = ['EIO', 'EACCES', 'EPERM', 'EISDIR']

const decompress = promisify(gunzip)

/** The facts of a report that its file's name holds. */
export interface ReportInfo {
  readonly id: string
  readonly sequence: number
  /** Size of the uncompressed JSON. */
  readonly bytes: number
  /** Size of the file. */
  readonly held: number
  readonly hasEvents: boolean
}

/** A report that an earlier run left on disk. */
export interface StoredReport extends ReportInfo {
  readonly file: string
}

export type ReportFiles = ReturnType<typeof createReportFiles>

/**
 * Keeps reports in a directory, gzipped, one file each, in a folder for each agent, readable by their owner only. A
 * file appears whole, once it is on disk. Every call ends within 5 s, also on a disk that hangs.
 */
export function createReportFiles(directory: string) {
  const path = (file: string): string => join(directory, file)
  const limited = <Result>(doing: string, run: () => Promise<Result>): Promise<Result> =>
    withTimeout(`${doing} ${directory}`, DISK_TIMEOUT_MS, undefined, run)

  return {
    /** Returns the reports of an agent's earlier runs in the order of their building. @throws an error of the disk */
    list: (agentId: string) =>
      limited('reading', async (): Promise<readonly StoredReport[]> => {
        const names = await readIfExists(path(agentId))
        // The run that wrote these has ended.
        const unfinished = names.filter((name) => name.endsWith(TEMPORARY))
        await Promise.all(unfinished.map((name) => rm(path(join(agentId, name)), { force: true })))
        return names.toSorted().flatMap((name) => {
          const info = infoOf(name)
          return info === undefined ? [] : [{ ...info, file: join(agentId, name) }]
        })
      }),
    /** Writes a report, and returns its file. @throws an error of the disk, also if it is nearly full */
    write: (agentId: string, info: ReportInfo, body: Uint8Array) =>
      limited('writing to', async () => {
        const file = join(agentId, nameOf(info))
        await assertRoom(directory, body.byteLength)
        await replaceFile(path(file), body, true)
        return file
      }),
    /** Returns a report, `undefined` if there is no such file. A damaged one is set aside. @throws a passing error */
    read: (file: string) =>
      limited('reading from', async (): Promise<Uint8Array | 'damaged' | undefined> => {
        try {
          const body = await readFile(path(file))
          if (await isWhole(body)) return body
          await setAside(path(file), 'damaged')
          return 'damaged'
        } catch (error) {
          if (hasCode(error, 'ENOENT')) return undefined
          if (LASTING_ERRORS.some((code) => hasCode(error, code))) return 'damaged'
          throw error
        }
      }),
    /** Removes a report. A file that cannot be removed is delivered again by the next run. */
    remove: (file: string) => limited('deleting from', () => unlink(path(file))).catch(() => undefined),
    /** Keeps a refused report and the platform's reason for a person, at most 20. */
    refuse: (file: string, reason: string) =>
      limited('writing to', () => setAside(path(file), 'refused', reason)).catch(() => rm(path(file), { force: true })),
  }
}

function nameOf({ id, sequence, bytes, held, hasEvents }: ReportInfo): string {
  return `${String(sequence).padStart(16, '0')}.${hasEvents ? 'events' : 'data'}.${bytes}.${held}.${id}.json.gz`
}

function infoOf(name: string): ReportInfo | undefined {
  const [, sequence, kind, bytes, held, id] = FILE_NAME.exec(name) ?? []
  if (id === undefined) return undefined
  return { id, sequence: Number(sequence), bytes: Number(bytes), held: Number(held), hasEvents: kind === 'events' }
}

async function readIfExists(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  })
}

/** Moves a report to a folder for those that are not delivered. */
async function setAside(file: string, folder: string, reason?: string): Promise<void> {
  const target = join(dirname(file), folder)
  await mkdir(target, { recursive: true, mode: 0o700 })
  const name = basename(file)
  if (reason !== undefined) await writeFile(join(target, `${name}.txt`), `${reason}\n`, { mode: 0o600 })
  await rename(file, join(target, name))
  await keepNewest(target)
}

/** Other programs need the rest of the disk more than the queue does. */
async function assertRoom(directory: string, bytes: number): Promise<void> {
  const disk = await statfs(directory).catch(() => undefined)
  if (disk === undefined) return
  const floor = Math.min(MIN_FREE_BYTES, disk.blocks * disk.bsize * MIN_FREE_SHARE)
  const free = disk.bavail * disk.bsize - bytes
  if (free < floor)
    throw new Error(`the disk of ${directory} is nearly full: ${Math.round(free / 2 ** 20)} MiB are free`)
}

/** Compression ends with a checksum and the length. */
async function isWhole(body: Uint8Array): Promise<boolean> {
  try {
    await decompress(body)
    return true
  } catch {
    return false
  }
}

/** Removes all but the newest reports of a folder, with their reasons. */
async function keepNewest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => infoOf(name) !== undefined).toSorted(byId)
  for (const name of names.slice(0, Math.max(0, names.length - MAX_SET_ASIDE)))
    for (const file of [name, `${name}.txt`]) await rm(join(folder, file), { force: true })
}

/** Ids are UUIDv7, which increase with time; sequences begin again. */
function byId(one: string, other: string): number {
  const id = (name: string): string => infoOf(name)?.id ?? ''
  return id(one) < id(other) ? -1 : 1
}
