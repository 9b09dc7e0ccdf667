import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { checkOwner } from './sqlite/migrations.ts'
import { lockDatabase } from './sqlite/process-lock.ts'
import { findDamage } from './sqlite/quick-check.ts'

/** Thrown when a backup, restore or check cannot be done. The message says what to do. */
export class MaintenanceError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'MaintenanceError'
  }
}

/**
 * Copies a database into a new file, also while an API uses it: the copy is the state of one moment. Returns its size
 * in bytes.
 *
 * @throws {MaintenanceError} when the file exists or cannot be written, or the database is missing or damaged.
 */
export function backUpDatabase(path: string, target: string): number {
  requireDatabase(path)
  if (existsSync(target))
    throw new MaintenanceError(`The file \`${target}\` exists. Delete it, or write the backup to another file.`)
  copyDatabase(path, `${target}.partial`)
  renameSync(`${target}.partial`, target)
  return statSync(target).size
}

/**
 * Replaces a database by a backup. Returns the path of the replaced database, if there was one.
 *
 * @throws {MaintenanceError} when the backup is missing or damaged, or an API uses the database.
 */
export function restoreDatabase(path: string, backup: string): string | undefined {
  requireDatabase(backup)
  const real = existsSync(path) ? realpathSync(path) : path
  if (existsSync(backup) && realpathSync(backup) === real)
    throw new MaintenanceError('The backup is the database itself. Restore another file.')
  const unlock = attempt(`The database \`${path}\` could not be locked`, 'Stop the API first.', () =>
    lockDatabase(real),
  )
  try {
    copyDatabase(backup, `${real}.partial`)
    const replaced = existsSync(real) ? `${real}-replaced` : undefined
    if (replaced !== undefined) {
      for (const suffix of ['', '-wal', '-shm']) rmSync(replaced + suffix, { force: true })
      linkSync(real, replaced)
    }
    // A log of the replaced database must not be applied to the backup.
    if (existsSync(`${real}-wal`)) renameSync(`${real}-wal`, `${replaced ?? real}-wal`)
    rmSync(`${real}-shm`, { force: true })
    renameSync(`${real}.partial`, real)
    return replaced
  } finally {
    unlock()
  }
}

/** Reads the whole database and returns its problems, at most 20. @throws {MaintenanceError} when it cannot be read */
export function checkDatabase(path: string): readonly string[] {
  requireDatabase(path)
  return attempt(`The database \`${path}\` could not be read`, 'Restore a backup.', () =>
    findDamage(path, 'integrity_check'),
  )
}

function requireDatabase(path: string): void {
  if (path === ':memory:')
    throw new MaintenanceError('`DATABASE_URL` is a database in memory. Set it to the path of a file.')
  if (!existsSync(path)) throw new MaintenanceError(`The database \`${path}\` does not exist. Check the path.`)
}

/** Copies a database in one read transaction, without its unused pages, and verifies the copy. */
function copyDatabase(path: string, target: string): void {
  rmSync(target, { force: true })
  try {
    attempt(`The database \`${path}\` could not be copied`, 'Check its disk, and run `rca-api check`.', () => {
      closeSync(openSync(target, 'wx', 0o600))
      const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
      try {
        checkOwner(database)
        // The copy of a file of an earlier version can shrink.
        if (database.prepare('pragma auto_vacuum').get()?.auto_vacuum === 0)
          database.exec('pragma auto_vacuum = incremental')
        database.prepare('vacuum into ?').run(target)
      } finally {
        database.close()
      }
      const [damage] = findDamage(target, 'quick_check')
      if (damage !== undefined) throw new Error(damage)
      const file = openSync(target, 'r')
      fsyncSync(file)
      closeSync(file)
    })
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  }
}

function attempt<Result>(what: string, remedy: string, run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    throw new MaintenanceError(`${what} (${(error as Error).message}). ${remedy}`, error)
  }
}
