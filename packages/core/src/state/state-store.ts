import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { withTimeout } from '../timers.ts'

export interface WriteOptions {
  /** Resolves only once the text survives a power failure. @default false */
  readonly durable?: boolean
}

/** Keeps small texts between runs of the agent: cursors, the agent's id, its key. */
export interface StateStore {
  read(key: string): Promise<string | undefined>
  write(key: string, text: string, options?: WriteOptions): Promise<void>
}

/** Creates a store that is lost when the process ends. */
export function createMemoryState(): StateStore {
  const texts = new Map<string, string>()
  return {
    read: async (key) => texts.get(key),
    write: async (key, text) => void texts.set(key, text),
  }
}

/** A disk that hangs, such as a lost network share, must not block the agent. */
export const DISK_TIMEOUT_MS = 5_000

/** Ending of files that are being written. */
export const TEMPORARY = '.tmp'

/** Creates a store of one file per key, readable by its owner only. A crash during a write leaves the old text. */
export function createDirectoryState(directory: string): StateStore {
  const path = (key: string): string => join(directory, encodeURIComponent(key))
  return {
    read: (key) => withTimeout(`reading ${path(key)}`, DISK_TIMEOUT_MS, undefined, () => readIfExists(path(key))),
    write: (key, text, { durable = false } = {}) =>
      withTimeout(`writing ${path(key)}`, DISK_TIMEOUT_MS, undefined, () => replaceFile(path(key), text, durable)),
  }
}

async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Replaces a file, readable by its owner only, and creates its directory. A crash leaves the old file. */
export async function replaceFile(path: string, content: string | Uint8Array, durable: boolean): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}${TEMPORARY}`
  const write = (): Promise<void> => writeFile(temporary, content, { mode: 0o600, flush: durable })
  try {
    await write().catch(async (error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error
      await makeDirectory(dirname(path))
      await write()
    })
    await rename(temporary, path)
    if (durable) await flushDirectory(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Writes the names of a directory to the disk, where the system can. Windows cannot open directories. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory).catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

/** Creates a directory level by level: `mkdir` with `recursive` never returns below /proc (Node 26.10). */
async function makeDirectory(directory: string): Promise<void> {
  const make = (): Promise<void> => mkdir(directory, { mode: 0o700 })
  try {
    await make()
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return
    if (!hasCode(error, 'ENOENT') || dirname(directory) === directory) throw error
    await makeDirectory(dirname(directory))
    await make()
  }
}

/** Returns true for an error of the system with this code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code
}
