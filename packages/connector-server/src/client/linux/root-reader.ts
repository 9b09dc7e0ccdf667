import { closeSync, openSync, readlinkSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Reads small kernel files below a root directory. */
export interface RootReader {
  readonly root: string
  /** Path of `file`, which is relative to the root, such as `proc/stat`. */
  resolve(file: string): string
  /** Text of a file. @throws the system's error, such as ENOENT @param encoding @default utf8 */
  text(file: string, encoding?: 'utf8' | 'latin1'): string
  /** Text of a file that a kernel never leaves empty. @throws Error if it is empty, as in some sandboxes */
  filledText(file: string, encoding?: 'utf8' | 'latin1'): string
  /** Text of a file, or `undefined` if the kernel does not have it. */
  optionalText(file: string): string | undefined
  /**
   * Text of a file on a disk of the host, or `undefined` if it does not exist. Follows links below the root, since an
   * absolute one leads elsewhere in this process.
   */
  hostText(file: string): string | undefined
  /**
   * Path to which a path leads through links below the root, relative to the root.
   *
   * @param isLast ends the search at a path that must not be read
   */
  follow(path: string, isLast?: (path: string) => boolean): string
  /** Target of a symbolic link, or `undefined` if it cannot be read. */
  link(file: string): string | undefined
  exists(file: string): boolean
}

/**
 * Creates a reader of `root`. It reads synchronously: files of `/proc` and `/sys` come from memory and never wait for a
 * disk, and a promise for each file costs several times the CPU time of the read.
 */
export function createRootReader(root: string): RootReader {
  let buffer = Buffer.allocUnsafeSlow(65_536)

  const text = (file: string, encoding: 'utf8' | 'latin1' = 'utf8'): string => {
    const descriptor = openSync(join(root, file), 'r')
    try {
      let length = 0
      for (;;) {
        const count = readSync(descriptor, buffer, length, buffer.length - length, null)
        length += count
        if (count === 0) return buffer.toString(encoding, 0, length)
        if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2)
      }
    } finally {
      closeSync(descriptor)
    }
  }

  const filledText: RootReader['filledText'] = (file, encoding) => {
    const found = text(file, encoding)
    if (found.trim() === '') throw new Error(`/${file} is empty: the agent cannot read this machine`)
    return found
  }

  const optionalText = (file: string): string | undefined => {
    try {
      return text(file)
    } catch (error) {
      if (isMissingFile(error)) return undefined
      throw error
    }
  }

  const link = (file: string): string | undefined => {
    try {
      return readlinkSync(join(root, file))
    } catch {
      return undefined
    }
  }

  return {
    root,
    resolve: (file) => join(root, file),
    text,
    filledText,
    optionalText,
    hostText: (file) => optionalText(root === '/' ? file : followLinks(file, link)),
    follow: (path, isLast) => followLinks(path, link, isLast),
    link,
    exists: (file) => statSync(join(root, file), { throwIfNoEntry: false }) !== undefined,
  }
}

/** Maximum number of links in a path, as in the kernel. path_resolution(7) */
const MAX_LINKS = 40

/** Returns the path to which the links of `file` lead, relative to the root. `..` does not leave the root. */
function followLinks(
  file: string,
  readLink: (file: string) => string | undefined,
  isLast: (path: string) => boolean = () => false,
): string {
  const pending = file.split('/')
  let path: string[] = []
  let links = 0
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === '' || name === '.') continue
    if (name === '..') {
      path.pop()
      continue
    }
    path.push(name)
    if (isLast(path.join('/'))) return [...path, ...pending].join('/')
    const target = links < MAX_LINKS ? readLink(path.join('/')) : undefined
    if (target === undefined) continue
    links += 1
    path = target.startsWith('/') ? [] : path.slice(0, -1)
    pending.unshift(...target.split('/'))
  }
  return path.join('/')
}

/** Error codes of missing files. EOPNOTSUPP: a kernel with pressure stall information, booted with `psi=0`. */
const MISSING_CODES = new Set(['ENOENT', 'ENOTDIR', 'EOPNOTSUPP', 'ENOTSUP', 'ENODEV'])

/** Returns whether a file does not exist, and not only cannot be read. */
export function isMissingFile(error: unknown): boolean {
  return MISSING_CODES.has(String((error as NodeJS.ErrnoException).code))
}
