import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** A disk of its own for the database. */
export interface SmallDisk {
  readonly folder: string
  /** False if no disk could be mounted: `folder` is on the machine's, and is not filled. */
  readonly isSmall: boolean
  /** Leaves no space. */
  fill(): void
  /** Gives the space back. Idempotent. */
  free(): void
  remove(): void
}

export function createSmallDisk(folder: string): SmallDisk {
  mkdirSync(folder)
  const isSmall = mount(folder)
  const filler = join(folder, 'filler')
  return {
    folder,
    isSmall,
    fill: () => {
      const file = openSync(filler, 'w')
      try {
        for (let size = 1_048_576; size >= 4096; size /= 2) writeUntilFull(file, Buffer.alloc(size))
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler, { force: true }),
    remove: () => {
      if (isSmall) execFileSync('umount', ['--lazy', folder])
    },
  }
}

function mount(folder: string): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'rca-chaos', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) === block.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

/** The wall clock of the API, which can be set; its monotonic clock is the machine's. */
export interface FakeClock {
  /** Environment of the API. */
  readonly environment: Readonly<Record<string, string>>
  /** Sets the clock so many seconds ahead of the machine's. */
  set(seconds: number): void
}

/** Returns `undefined` without libfaketime. */
export function createFakeClock(file: string): FakeClock | undefined {
  const library = findLibrary()
  if (library === undefined) return undefined
  const set = (seconds: number): void => {
    writeFileSync(`${file}.new`, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`)
    renameSync(`${file}.new`, file)
  }
  set(0)
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
      // Times of files stay those of the machine.
      NO_FAKE_STAT: '1',
    },
    set,
  }
}

function findLibrary(): string | undefined {
  if (process.platform !== 'linux' || !existsSync('/usr/lib')) return undefined
  return readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path))
}
