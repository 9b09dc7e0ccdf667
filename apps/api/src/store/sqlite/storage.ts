import { randomBytes } from 'node:crypto'
import { accessSync, constants, existsSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { StorageError } from '../storage-error.ts'
import { sqliteCode } from './sqlite-errors.ts'

/** Bytes of the file that is deleted when the disk is full, so that the retention can run. */
const RESERVE_BYTES = 4 * 1024 * 1024

/** Free bytes of the disk below which it counts as full. */
const MIN_FREE_BYTES = 1024 * 1024

/** Bytes of the write-ahead log above which reports are refused. A long read lets it grow. */
const MAX_WAL_BYTES = 1024 * 1024 * 1024

const FILES = ['', '-wal', '-shm']

export interface StoreSizes {
  readonly databaseBytes: number
  readonly walBytes: number
  /** Free bytes of the disk. */
  readonly freeBytes: number
}

/** The files of a database and the disk below them: notices what SQLite does not, and remembers what it reports. */
export interface Storage {
  /** Checks the files. @throws {StorageError} when they were deleted, replaced or truncated, or are damaged */
  check(): void
  /** Checks the disk as well. @throws {StorageError} when the next write will probably fail */
  checkDisk(): void
  /** Checks that reports may be added. @throws {StorageError} also while the disk is full or the log too long */
  admit(): void
  /** Records a failed statement. Returns the error to throw: a `StorageError` for a problem of disk or files. */
  failed(error: unknown): unknown
  /** Records that a check found damage. */
  damaged(reason: string): void
  /** Records a commit. */
  committed(): void
  /** True when the last write failed. */
  readonly hasFailed: boolean
  readonly isFull: boolean
  /** Records that the database shrank to this size, which its file reaches later. `freeBytes` are unused within. */
  shrunk(size: number, freeBytes: number): void
  sizes(): StoreSizes
  /** Creates the reserve when the disk has space for it. */
  createReserve(): void
  /** Deletes the reserve when the disk is full. Returns true if that made space. */
  releaseReserve(): boolean
}

/** @param path absolute path of the database, or `:memory:`. */
export function createStorage(path: string): Storage {
  const isFile = path !== ':memory:'
  const freeBytes = (): number => (isFile ? freeBytesOf(path) : Number.MAX_SAFE_INTEGER)
  const files = createFileCheck(path)
  let damage: StorageError | undefined
  let failure: StorageError | undefined
  let isFull = false

  const storage: Storage = {
    check: () => {
      if (damage === undefined && isFile && files.check()) damage = new StorageError(TRUNCATED, false)
      if (damage !== undefined) throw damage
    },
    checkDisk: () => {
      storage.check()
      if (isFile) checkWritable(path)
      if (isFull || freeBytes() < MIN_FREE_BYTES) throw new StorageError(FULL, true)
    },
    admit: () => {
      storage.check()
      if (isFull && freeBytes() < 2 * RESERVE_BYTES) throw new StorageError(FULL, true)
      isFull = false
      if (isFile && sizeOf(`${path}-wal`) > MAX_WAL_BYTES) throw new StorageError(LONG_LOG, true)
    },
    failed: (error) => {
      const problem = toProblem(error)
      if (problem === undefined) return error
      if (problem.isTemporary) failure = problem
      else damage ??= problem
      storage.releaseReserve()
      return problem
    },
    damaged: (reason) => {
      damage ??= new StorageError(DAMAGED, false, new Error(reason))
    },
    committed: () => {
      failure = undefined
      storage.check()
    },
    get hasFailed() {
      return failure !== undefined
    },
    get isFull() {
      return isFull
    },
    shrunk: (size, unusedBytes) => {
      files.shrunk(size)
      if (unusedBytes >= RESERVE_BYTES) isFull = false
      if (!isFull) storage.createReserve()
    },
    sizes: () => ({ databaseBytes: sizeOf(path), walBytes: sizeOf(`${path}-wal`), freeBytes: freeBytes() }),
    createReserve: () => {
      if (isFile && freeBytes() >= 2 * RESERVE_BYTES) writeReserve(`${path}-reserve`)
    },
    releaseReserve: () => {
      if (freeBytes() >= MIN_FREE_BYTES) return false
      isFull = true
      if (!existsSync(`${path}-reserve`)) return false
      rmSync(`${path}-reserve`)
      return true
    },
  }
  return storage
}

/** Compares the files of a database with those that were there first. */
function createFileCheck(path: string) {
  const ids = new Map<string, string>()
  // Checkpoints may truncate the file to `maxFloor`; only another program truncates it to less than `floor`.
  let floor = 0n
  let maxFloor = BigInt(Number.MAX_SAFE_INTEGER)
  return {
    /** Returns true for a truncated database. @throws {StorageError} for a deleted or replaced file */
    check: (): boolean => {
      const [database] = FILES.map((suffix) => {
        const stat = statSync(path + suffix, { throwIfNoEntry: false, bigint: true })
        const id = stat === undefined ? undefined : `${stat.dev} ${stat.ino}`
        const known = ids.get(suffix)
        if (known !== undefined && id !== known) throw new StorageError(DELETED, false)
        if (id !== undefined) ids.set(suffix, id)
        return stat
      })
      if (database === undefined) return false
      if (database.size < floor) return true
      const size = database.size < maxFloor ? database.size : maxFloor
      if (size > floor) floor = size
      return false
    },
    shrunk: (size: number): void => {
      maxFloor = BigInt(size)
      if (floor > maxFloor) floor = maxFloor
    },
  }
}

function checkWritable(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK)
    accessSync(path, constants.W_OK)
  } catch (error) {
    throw new StorageError(READ_ONLY, true, error)
  }
}

function toProblem(error: unknown): StorageError | undefined {
  const known = PROBLEMS.get(sqliteCode(error) ?? 0)
  return known === undefined ? undefined : new StorageError(known[0], known[1], error)
}

function freeBytesOf(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function writeReserve(path: string): void {
  if (existsSync(path)) return
  try {
    // Random bytes take their space on a compressing file system too.
    writeFileSync(path, randomBytes(RESERVE_BYTES), { mode: 0o600 })
  } catch {
    rmSync(path, { force: true })
  }
}

const DELETED =
  'The database files were deleted or replaced while the platform was running: nothing more is stored. Restart the platform, after restoring a backup if data is missing.'
const TRUNCATED =
  'The database file was truncated: it is damaged, and nothing more is stored. Stop the platform and restore a backup.'
const DAMAGED =
  'The database is damaged, and nothing more is stored. Stop the platform, and restore a backup with `rca-api restore`.'
const FULL = 'The disk of the database is full: reports are not stored until it has space.'
const READ_ONLY = 'The database cannot be written. Check the permissions and the mount of its folder.'
const DISK_ERROR = 'The disk of the database reports errors. Check the disk.'
const LONG_LOG =
  'The write-ahead log of the database is too long, because a question or another process reads the database for a long time. Wait for the end of the question, or end the process.'

/** Message by SQLite's primary result code, and true if it may end by itself. */
const PROBLEMS: ReadonlyMap<number, readonly [message: string, isTemporary: boolean]> = new Map([
  [8, [READ_ONLY, true]],
  [10, [DISK_ERROR, true]],
  [11, [DAMAGED, false]],
  [13, [FULL, true]],
  [14, [READ_ONLY, true]],
  [26, [DAMAGED, false]],
])
