import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { OutOfMemoryVictim, ProcessCrash } from '../server-client.ts'

/** Maximum size of a record of `/dev/kmsg`. */
const MAX_RECORD_BYTES = 8192

/** Maximum size of what is read at once: the whole buffer of most kernel builds. */
const MAX_LOG_BYTES = 4 << 20

/** Maximum number of kills and of crashes that are kept. */
const MAX_KEPT = 1_000

/** Deaths of processes in the kernel's log. Keeps its position in the log: each record is read once. */
export interface KernelLog {
  /** Returns the last OOM kills, oldest first. */
  outOfMemoryVictims(): readonly OutOfMemoryVictim[]
  /** Returns the last processes that a fault ended, oldest first. */
  crashes(): readonly ProcessCrash[]
  close(): void
}

/**
 * Opens the kernel's log when it is first needed. It is empty while it cannot be read (`kernel.dmesg_restrict`, missing
 * device). Documentation/ABI/testing/dev-kmsg
 */
export function openKernelLog(path: string): KernelLog {
  let descriptor: number | undefined
  let victims: readonly OutOfMemoryVictim[] = []
  let crashes: readonly ProcessCrash[] = []

  const update = (): void => {
    try {
      descriptor ??= openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    } catch {
      return
    }
    const text = readRecords(descriptor)
    victims = [...victims, ...parseOutOfMemoryVictims(text)].slice(-MAX_KEPT)
    crashes = [...crashes, ...parseCrashes(text)].slice(-MAX_KEPT)
  }

  return {
    outOfMemoryVictims: () => {
      update()
      return victims
    },
    crashes: () => {
      update()
      return crashes
    },
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}

/** Reads the records from the position of the descriptor to the end of the log. */
function readRecords(descriptor: number): string {
  const buffer = Buffer.allocUnsafeSlow(MAX_RECORD_BYTES)
  let text = ''
  while (text.length < MAX_LOG_BYTES) {
    try {
      const count = readSync(descriptor, buffer, 0, MAX_RECORD_BYTES, null)
      if (count === 0) return text
      text += buffer.toString('utf8', 0, count)
    } catch (error) {
      // EPIPE: the record was overwritten, and the next read returns the oldest one left. EAGAIN: end of the log.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return text
    }
  }
  return text
}

const VICTIM = /^\d+,\d+,(\d+),[^;]*;(.*?)Killed process (\d+) \((.*)\)(.*)$/gm

/** Finds OOM kills in the kernel's log, in the wording of `mm/oom_kill.c` since Linux 4.19. */
export function parseOutOfMemoryVictims(log: string): OutOfMemoryVictim[] {
  return [...log.matchAll(VICTIM)].map(([, microseconds, cause = '', pid, name = '', rest = '']) => {
    const resident = [...rest.matchAll(/(?:anon|file|shmem)-rss:(\d+)kB/g)]
    return {
      pid: Number(pid),
      name,
      inControlGroup: /cgroup/i.test(cause),
      residentBytes:
        resident.length === 0 ? undefined : resident.reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0),
      uptime: Number(microseconds) / 1e6,
    }
  })
}

/** Signals of the faults that the kernel logs. arch/x86/mm/fault.c, arch/x86/kernel/traps.c */
const FAULT_SIGNALS: Readonly<Record<string, number>> = {
  segfault: 11,
  'general protection': 11,
  'stack segment': 7,
  'trap invalid opcode': 4,
  'trap divide error': 8,
  'trap int3': 5,
}

const FAULT = new RegExp(
  String.raw`^\d+,\d+,\d+,[^;]*;(?:traps: )?(.*)\[(\d+)\]:? (${Object.keys(FAULT_SIGNALS).join('|')})`,
  'gm',
)

/** Finds processes that the kernel ended by a signal for a fault, in its log, oldest first. */
function parseCrashes(log: string): ProcessCrash[] {
  return [...log.matchAll(FAULT)].map(([, name = '', pid, fault = '']) => {
    return { pid: Number(pid), name, signal: FAULT_SIGNALS[fault] ?? 0 }
  })
}
