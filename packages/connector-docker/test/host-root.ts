import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A host's files that a test may change: what `root_path` would be. They are gone after the test. */
export interface HostRoot {
  readonly path: string
  /** Every file, by its path below the root. */
  files(): string[]
  read(file: string): string
  write(file: string, text: string): void
  remove(file: string): void
}

/** A copy of captured files, or nothing. */
export function hostRoot(from?: string): HostRoot {
  const path = mkdtempSync(join(tmpdir(), 'rca-host-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  if (from !== undefined && existsSync(from)) cpSync(from, path, { recursive: true })
  return {
    path,
    files: () =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1)),
    read: (file) => readFileSync(join(path, file), 'utf8'),
    write: (file, text) => {
      mkdirSync(dirname(join(path, file)), { recursive: true })
      writeFileSync(join(path, file), text)
    },
    remove: (file) => rmSync(join(path, file), { recursive: true, force: true }),
  }
}
