import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import type { ProcessReading } from '../server-client.ts'
import type { KernelUnits } from './kernel-units.ts'
import { parseProcessStat } from './proc-pid-stat.ts'
import type { RootReader } from './root-reader.ts'

/** Maximum length of `/proc/<pid>/stat`: 52 numbers and a name. */
const MAX_LINE_BYTES = 2048

/**
 * Maximum number of files that stay open between reads. Opening and closing takes half the time of a read, but the
 * default limit of a process is 1024 open files, and the rest of the process needs some.
 */
const MAX_OPEN_FILES = 512

/**
 * Creates a reader of `/proc/<pid>/stat`. It does not read `cmdline`, which may contain secrets and blocks on a process
 * that waits for a disk.
 */
export function createProcessReader(reader: RootReader, units: KernelUnits, maxOpenFiles = MAX_OPEN_FILES) {
  const procDirectory = reader.resolve('proc')
  const buffer = Buffer.allocUnsafeSlow(MAX_LINE_BYTES)
  let open = new Map<string, number>()
  let denied = 0

  const readOne = (pid: string, next: Map<string, number>): ProcessReading | undefined => {
    const kept = open.get(pid)
    if (kept !== undefined) {
      const length = readLine(kept, buffer)
      if (length > 0) {
        open.delete(pid)
        next.set(pid, kept)
        return parseProcessStat(Number(pid), buffer, length, units)
      }
      // The process has ended, and its pid may be reused. Files left in `open` are closed after this read.
    }
    const descriptor = openLine(`${procDirectory}/${pid}/stat`)
    if (descriptor === 'denied') denied += 1
    if (typeof descriptor === 'string') return undefined
    const length = readLine(descriptor, buffer)
    if (length > 0 && open.size + next.size < maxOpenFiles) next.set(pid, descriptor)
    else closeSync(descriptor)
    return parseProcessStat(Number(pid), buffer, length, units)
  }

  const close = (): void => {
    for (const descriptor of open.values()) closeSync(descriptor)
    open.clear()
  }

  return {
    /** Returns the processes, and how many others this user may not read. */
    read: (): { readonly processes: readonly ProcessReading[]; readonly denied: number } => {
      denied = 0
      const next = new Map<string, number>()
      const processes: ProcessReading[] = []
      for (const name of readdirSync(procDirectory)) {
        if (!/^\d/.test(name)) continue
        const process = readOne(name, next)
        if (process !== undefined) processes.push(process)
      }
      close()
      open = next
      return { processes, denied }
    },
    close,
  }
}

/** Returns the descriptor, or why there is none: the process has ended, or this user may not read it. */
function openLine(path: string): number | 'ended' | 'denied' {
  try {
    return openSync(path, 'r')
  } catch (error) {
    return /^E(?:ACCES|PERM)$/.test(String((error as NodeJS.ErrnoException).code)) ? 'denied' : 'ended'
  }
}

/** Returns the length of the line, 0 if the process has ended (ESRCH). */
function readLine(descriptor: number, buffer: Buffer): number {
  try {
    return readSync(descriptor, buffer, 0, MAX_LINE_BYTES, 0)
  } catch {
    return 0
  }
}
