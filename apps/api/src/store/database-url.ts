import { resolve } from 'node:path'

export const DATABASE_URL_PATTERN: RegExp = /^sqlite:.+$/

/** Returns the absolute path of a database's file, or `:memory:`. A relative path is resolved from `directory`. */
export function databasePath(url: string, directory: string = process.cwd()): string {
  const path = url.slice('sqlite:'.length)
  return path === ':memory:' ? path : resolve(directory, path)
}
