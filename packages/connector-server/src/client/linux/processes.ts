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
    if (descriptor === undefined) return undefined
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
    read: (): ProcessReading[] => {
      const next = new Map<string, number>()
      const processes: ProcessReading[] = []
      for (const name of readdirSync(procDirectory)) {
        if (!/^\d/.test(name)) continue
        const process = readOne(name, next)
        if (process !== undefined) processes.push(process)
      }
      close()
      open = next
      return processes
    },
    close,
  }
}

/** Returns `undefined` if the process has ended, or `hidepid` hides it from this user. */
function openLine(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
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
