/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

const SQLITE_CONSTRAINT_FOREIGNKEY = 787

/** Returns SQLite's primary result code, `undefined` for another error. */
export function sqliteCode(error: unknown): number | undefined {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined
}

/** Returns true for a statement that another process prevented with a lock. It changed nothing. */
export function isLocked(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_BUSY
}

/** Returns true for a row whose environment or token was removed meanwhile. */
export function isOfRemoved(error: unknown): boolean {
  return (error as { readonly errcode?: unknown } | null)?.errcode === SQLITE_CONSTRAINT_FOREIGNKEY
}

/** Returns true for an error of a file that is not, or no longer, a valid database. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}
