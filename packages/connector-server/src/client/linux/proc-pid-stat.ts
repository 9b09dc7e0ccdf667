import type { ProcessReading, ProcessState } from '../server-client.ts'
import { MAX_KERNEL_NUMBER } from './kernel-number.ts'
import type { KernelUnits } from './kernel-units.ts'

/** States of every kernel since 2.6: `K`, `W`, `P` and `x` are those of some versions only. fs/proc/array.c */
const STATES: Readonly<Record<string, ProcessState>> = {
  R: 'running',
  W: 'running',
  S: 'sleeping',
  I: 'sleeping',
  P: 'sleeping',
  D: 'blocked',
  K: 'blocked',
  T: 'stopped',
  t: 'stopped',
  Z: 'defunct',
  X: 'defunct',
  x: 'defunct',
}

const SPACE = 32
const CLOSING_PARENTHESIS = 41

/**
 * Parses `/proc/<pid>/stat` from the first `length` bytes of a buffer. proc_pid_stat(5). Returns `undefined` when the
 * line is incomplete. Parses bytes instead of text because it runs once per process and collection.
 *
 * Since Linux 6.2, the resident pages lag behind by up to a few dozen pages per processor.
 */
export function parseProcessStat(
  pid: number,
  buffer: Buffer,
  length: number,
  units: KernelUnits,
): ProcessReading | undefined {
  const open = buffer.indexOf(40)
  // The program's name may contain spaces and parentheses.
  const close = buffer.lastIndexOf(CLOSING_PARENTHESIS, length - 1)
  if (open < 0 || close < open) return undefined
  let field = 3
  let value = 0
  let ticks = 0
  let startedAt = -1
  for (let position = close + 4; position < length; position += 1) {
    const byte = buffer[position] ?? SPACE
    if (byte !== SPACE) {
      value = value * 10 + byte - 48
      continue
    }
    field += 1
    // 14 and 15: user and system time; 22: start time; 24: resident pages.
    if (field === 14 || field === 15) ticks += value
    else if (field === 22) startedAt = value
    else if (field === 24) {
      return {
        pid,
        startedAt,
        name: buffer.toString('utf8', open + 1, close),
        state: STATES[String.fromCharCode(buffer[close + 2] ?? SPACE)] ?? 'unknown',
        cpuTime: isPossible(ticks) ? ticks / units.ticksPerSecond : undefined,
        // The kernel adds up pages of several processors, and the sum may be negative for a moment.
        residentBytes: isPossible(value) ? value * units.pageBytes : 0,
      }
    }
    value = 0
  }
  return undefined
}

function isPossible(value: number): boolean {
  return value >= 0 && value < MAX_KERNEL_NUMBER
}
