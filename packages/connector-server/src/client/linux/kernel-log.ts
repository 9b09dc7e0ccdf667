import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { OutOfMemoryVictim } from '../server-client.ts'

/** Maximum size of a record of `/dev/kmsg`. */
const MAX_RECORD_BYTES = 8192

/** Maximum size of the log: the whole buffer of most kernel builds. */
const MAX_LOG_BYTES = 4 << 20

/**
 * Returns the kernel's log, or an empty text if it cannot be read (`kernel.dmesg_restrict`, missing device).
 * Documentation/ABI/testing/dev-kmsg
 */
export function readKernelLog(path: string): string {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return ''
  }
  const buffer = Buffer.allocUnsafeSlow(MAX_RECORD_BYTES)
  let text = ''
  try {
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
  } finally {
    closeSync(descriptor)
  }
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
