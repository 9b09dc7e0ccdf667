import { extname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { isDamage } from './sqlite-errors.ts'

const MAX_PROBLEMS = 20

/** Reads a whole database and returns its problems. `quick_check` does not compare indexes with their tables. */
export function findDamage(path: string, check: 'quick_check' | 'integrity_check'): string[] {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  try {
    const rows = database.prepare(`pragma ${check}(${MAX_PROBLEMS})`).all()
    return rows.map((row) => String(Object.values(row)[0])).filter((text) => text !== 'ok')
  } catch (error) {
    if (!isDamage(error)) throw error
    return [(error as Error).message]
  } finally {
    database.close()
  }
}

/** Runs `quick_check` in a thread of its own, which ends with the signal. Returns its problems. */
export async function findDamageInThread(path: string, signal: AbortSignal): Promise<string[]> {
  const worker = new Worker(new URL(`./quick-check-worker${extname(import.meta.url)}`, import.meta.url), {
    workerData: path,
    stdout: true,
  })
  const end = (): void => void worker.terminate()
  signal.addEventListener('abort', end, { once: true })
  worker.unref()
  try {
    return await new Promise<string[]>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => resolve([]))
    })
  } finally {
    signal.removeEventListener('abort', end)
  }
}
