import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { OutOfMemoryVictim } from '../server-client.ts'

/** Longest record of `/dev/kmsg`. */
const RECORD_BYTES = 8192

/** Most bytes of the kernel's log that are read at a time: its whole buffer, as kernels are usually built. */
const MOST_BYTES = 4 << 20

/**
 * What is in the kernel's log, or an empty text where it may not be read (`kernel.dmesg_restrict`, no such device).
 * Documentation/ABI/testing/dev-kmsg
 */
export function readKernelLog(path: string): string {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return ''
  }
  const buffer = Buffer.allocUnsafeSlow(RECORD_BYTES)
  let text = ''
  try {
    while (text.length < MOST_BYTES) {
      try {
        const count = readSync(descriptor, buffer, 0, RECORD_BYTES, null)
        if (count === 0) return text
        text += buffer.toString('utf8', 0, count)
      } catch (error) {
        // EPIPE: the record was overwritten meanwhile; the next read gives the oldest that is left. EAGAIN: no more.
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return text
      }
    }
    return text
  } finally {
    closeSync(descriptor)
  }
}

const VICTIM = /^\d+,\d+,(\d+),[^;]*;(.*?)Killed process (\d+) \((.*)\)(.*)$/gm

/** Finds the processes that were killed for want of memory. The wording is that of `mm/oom_kill.c` since Linux 4.19. */
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
