import { closeSync, openSync, readlinkSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Reads small files of the kernel below a root folder. */
export interface RootReader {
  readonly root: string
  /** Where `file` (relative, such as `proc/stat`) is. */
  resolve(file: string): string
  /** The text of a file. @throws the system's error, such as ENOENT. */
  text(file: string): string
  /** The text of a file, or `undefined` where the kernel does not have it. */
  optionalText(file: string): string | undefined
  /** The target of a symbolic link, or `undefined` where there is none. */
  link(file: string): string | undefined
  exists(file: string): boolean
}

/**
 * A reader over `root`. It reads synchronously: files of `/proc` and `/sys` come from memory and never wait for a disk,
 * and a promise for each costs several times the processor time of the read itself.
 */
export function createRootReader(root: string): RootReader {
  let buffer = Buffer.allocUnsafeSlow(65_536)

  const text = (file: string): string => {
    const descriptor = openSync(join(root, file), 'r')
    try {
      let length = 0
      for (;;) {
        const count = readSync(descriptor, buffer, length, buffer.length - length, null)
        length += count
        if (count === 0) return buffer.toString('utf8', 0, length)
        if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2)
      }
    } finally {
      closeSync(descriptor)
    }
  }

  return {
    root,
    resolve: (file) => join(root, file),
    text,
    optionalText: (file) => {
      try {
        return text(file)
      } catch (error) {
        if (isAbsence(error)) return undefined
        throw error
      }
    },
    link: (file) => {
      try {
        return readlinkSync(join(root, file))
      } catch {
        return undefined
      }
    },
    exists: (file) => statSync(join(root, file), { throwIfNoEntry: false }) !== undefined,
  }
}

/** EOPNOTSUPP: the kernel was built with pressure stall information and started with `psi=0`. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EOPNOTSUPP', 'ENOTSUP', 'ENODEV'])

/** Whether an error says that there is no such file, as opposed to one that cannot be read. */
export function isAbsence(error: unknown): boolean {
  return ABSENT.has(String((error as NodeJS.ErrnoException).code))
}
