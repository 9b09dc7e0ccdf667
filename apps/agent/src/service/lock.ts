import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ServiceError } from './service-error.ts'

const MAX_ATTEMPTS = 10

/**
 * Takes the lock of an installation: a file with the id and the start time of its process. It stays valid when
 * `agent.sh`, which has taken it, replaces itself with this process. The lock of a process that was killed is replaced.
 *
 * @returns a function that releases the lock
 * @throws {ServiceError} while another installation runs
 */
export function takeLock(path: string, pid = process.pid): () => void {
  const own = `${pid} ${startTime(pid)}\n`
  const release = (): void => {
    if (read(path) === own) rmSync(path, { force: true })
  }
  if (read(path) === own) return release
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${pid}`
  writeFileSync(temporary, own)
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      try {
        linkSync(temporary, path)
        return release
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      replaceStaleLock(path, `${temporary}.stale`)
    }
  } finally {
    rmSync(temporary, { force: true })
  }
  throw new ServiceError('locked', `${path} is taken again and again. Run the command again`)
}

function replaceStaleLock(path: string, aside: string): void {
  const holder = read(path)
  if (holder === undefined) return
  const [pid = ''] = holder.split(' ')
  if (holder === `${pid} ${startTime(Number(pid))}\n` && isAlive(Number(pid)))
    throw new ServiceError('locked', `another installation runs (process ${pid}). Wait until it has ended`)
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  // A lock that another process has taken in this moment is put back.
  if (read(aside) !== holder) linkSync(aside, path)
  rmSync(aside, { force: true })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Returns true if a process exists, also one of another user. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Returns the start time of a process, as `/proc` has it; an empty text elsewhere. */
function startTime(pid: number): string {
  const stat = read(`/proc/${pid}/stat`)
  // Fields are counted from behind the name, which may hold blanks and parentheses.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
