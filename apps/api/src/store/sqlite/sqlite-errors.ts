/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5

/** Returns SQLite's primary result code, `undefined` for another error. */
export function sqliteCode(error: unknown): number | undefined {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined
}

/** Returns true for a statement that another process prevented with a lock. It changed nothing. */
export function isLocked(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_BUSY
}
