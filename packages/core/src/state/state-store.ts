import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { withTimeout } from '../timers.ts'

/** Small texts that outlive a run of the agent: cursors, the agent's id. */
export interface StateStore {
  read(key: string): Promise<string | undefined>
  write(key: string, text: string): Promise<void>
}

/** Forgets everything when the process ends. */
export function createMemoryState(): StateStore {
  const texts = new Map<string, string>()
  return {
    read: async (key) => texts.get(key),
    write: async (key, text) => void texts.set(key, text),
  }
}

/** How long a disk may take, in milliseconds. One that hangs, such as a lost network share, must not hold up the agent. */
const DEADLINE = 5_000

/** One file a key, replaced whole: a crash in the middle of a write leaves the old text. Files are readable by their owner only. */
export function createDirectoryState(directory: string): StateStore {
  const path = (key: string): string => join(directory, encodeURIComponent(key))
  return {
    read: (key) => withTimeout(`reading ${path(key)}`, DEADLINE, undefined, () => readIfThere(path(key))),
    write: (key, text) => withTimeout(`writing ${path(key)}`, DEADLINE, undefined, () => replace(path(key), text)),
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function replace(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path))
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(temporary, text, { mode: 0o600 })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Makes a folder and those above it, level by level: `mkdir` with `recursive` never returns below /proc (Node 26.10). */
async function makeFolder(folder: string): Promise<void> {
  const make = (): Promise<void> => mkdir(folder, { mode: 0o700 })
  try {
    await make()
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return
    if (!hasCode(error, 'ENOENT') || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder))
    await make()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code
}
