import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory that is removed when the test has finished. Files are named by their path below it. */
export interface TemporaryDirectory {
  readonly path: string
  /** Paths of all files. */
  files(): string[]
  read(file: string): string
  /** Writes a file, and creates the directories above it. */
  write(file: string, text: string): void
  /** Replaces the text of a file. */
  change(file: string, edit: (text: string) => string): void
  /** Removes a file or a directory. A missing one is ignored. */
  remove(file: string): void
}

/** Creates a directory, empty or as a copy of `source`. A missing `source` counts as empty. */
export function temporaryDirectory(source?: string): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'rca-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  if (source !== undefined && existsSync(source)) cpSync(source, path, { recursive: true })
  const read = (file: string): string => readFileSync(join(path, file), 'utf8')
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  return {
    path,
    files: () =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1)),
    read,
    write,
    change: (file, edit) => write(file, edit(read(file))),
    remove: (file) => rmSync(join(path, file), { recursive: true, force: true }),
  }
}
