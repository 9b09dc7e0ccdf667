import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import type { ProcessReading } from '../server-client.ts'
import type { KernelUnits } from './kernel-units.ts'
import { parseProcessStat } from './process-stat.ts'
import type { RootReader } from './root-reader.ts'

/** Longest line of `/proc/<pid>/stat`: 52 numbers and a name. */
const LINE_BYTES = 2048

/**
 * Most files that are kept open. Opening and closing takes half of the time of a read, but a process may have 1024 files
 * open where nobody has raised the limit, and others need some as well.
 */
const MOST_OPEN = 512

/** Reads every process. */
export interface ProcessReader {
  read(): ProcessReading[]
  /** Idempotent. */
  close(): void
}

/**
 * A reader of `/proc/<pid>/stat`. Not of `cmdline`, which may hold secrets and can block on a process that waits for a
 * disk.
 */
export function createProcessReader(reader: RootReader, units: KernelUnits, mostOpen = MOST_OPEN): ProcessReader {
  const folder = reader.resolve('proc')
  const buffer = Buffer.allocUnsafeSlow(LINE_BYTES)
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
      // The process has ended. Another may have its pid by now; what is left in `open` is closed after the round.
    }
    const descriptor = openLine(`${folder}/${pid}/stat`)
    if (descriptor === undefined) return undefined
    const length = readLine(descriptor, buffer)
    if (length > 0 && open.size + next.size < mostOpen) next.set(pid, descriptor)
    else closeSync(descriptor)
    return parseProcessStat(Number(pid), buffer, length, units)
  }

  const close = (): void => {
    for (const descriptor of open.values()) closeSync(descriptor)
    open.clear()
  }

  return {
    read: () => {
      const next = new Map<string, number>()
      const processes: ProcessReading[] = []
      for (const name of readdirSync(folder)) {
        const first = name.charCodeAt(0)
        if (first < 48 || first > 57) continue
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

/** `undefined` when the process has ended meanwhile, or belongs to someone whom `hidepid` protects. */
function openLine(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

/** 0 when the process has ended (ESRCH). */
function readLine(descriptor: number, buffer: Buffer): number {
  try {
    return readSync(descriptor, buffer, 0, LINE_BYTES, 0)
  } catch {
    return 0
  }
}
