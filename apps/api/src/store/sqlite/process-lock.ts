import { chmodSync } from 'node:fs'
import { hostname } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { isLocked } from './sqlite-errors.ts'

/** Time for another process to finish writing its name. */
const BUSY_TIMEOUT_MS = 1000

/** Thrown when another process uses the database. The message names it. */
export class DatabaseInUseError extends Error {
  constructor(process: string) {
    super(`it is in use by ${process}`)
    this.name = 'DatabaseInUseError'
  }
}

/**
 * Locks a database for this process, so that no other API writes to the same file. Returns a function that releases
 * the lock; the system releases that of a killed process. The lock is held in a SQLite file beside the database, which
 * also has the name of its process. Backups and shells do not need it.
 *
 * @throws {DatabaseInUseError} when another process holds the lock.
 */
export function lockDatabase(path: string): () => void {
  const lock = new DatabaseSync(`${path}-lock`, { timeout: BUSY_TIMEOUT_MS })
  try {
    lock.exec('begin immediate')
    chmodSync(`${path}-lock`, 0o600)
    // A reserved lock lets other processes read the name.
    if (writeName(lock)) lock.exec('begin immediate')
  } catch (error) {
    const name = isLocked(error) ? readName(lock) : undefined
    lock.close()
    throw name === undefined ? error : new DatabaseInUseError(name)
  }
  return () => {
    if (lock.isOpen) lock.close()
  }
}

/** Returns false when the disk is full. The lock needs no space, and still holds without a name. */
function writeName(lock: DatabaseSync): boolean {
  try {
    lock.exec('create table if not exists owner (pid integer, host text, since text); delete from owner')
    lock
      .prepare('insert into owner values (?, ?, ?)')
      .run(process.pid, hostname(), new Date().toISOString().replace(/\.\d+/, ''))
    lock.exec('commit')
    return true
  } catch {
    if (!lock.isTransaction) lock.exec('begin immediate')
    return false
  }
}

function readName(lock: DatabaseSync): string {
  try {
    const owner = lock.prepare('select pid, host, since from owner').get()
    if (owner !== undefined) return `process ${owner.pid} on \`${owner.host}\` since ${owner.since}`
  } catch {
    // The process could not write its name.
  }
  return 'another process'
}
