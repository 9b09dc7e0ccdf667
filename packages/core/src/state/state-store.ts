import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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

/** One file a key, replaced whole: a crash in the middle of a write leaves the old text. Files are readable by their owner only. */
export function createDirectoryState(directory: string): StateStore {
  const path = (key: string): string => join(directory, encodeURIComponent(key))
  return {
    read: async (key) => {
      try {
        return await readFile(path(key), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    write: async (key, text) => {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const temporary = `${path(key)}.${randomBytes(6).toString('hex')}.tmp`
      try {
        await writeFile(temporary, text, { mode: 0o600 })
        await rename(temporary, path(key))
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined)
        throw error
      }
    },
  }
}
