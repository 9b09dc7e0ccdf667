import type { ProcessReading, ProcessState } from '../server-client.ts'
import type { KernelUnits } from './kernel-units.ts'

const STATES: Readonly<Record<string, ProcessState>> = {
  R: 'running',
  S: 'sleeping',
  I: 'sleeping',
  D: 'blocked',
  T: 'stopped',
  t: 'stopped',
  Z: 'defunct',
  X: 'defunct',
}

const BLANK = 32
const CLOSING_PARENTHESIS = 41

/**
 * Reads `/proc/<pid>/stat` from the first `length` bytes of a buffer. proc_pid_stat(5)
 *
 * From bytes and not from text: this runs once a process and round. The program's name stands in parentheses and may
 * hold blanks and parentheses itself, so the fields are counted from the last one.
 *
 * Since Linux 6.2, the resident pages leave out what each processor has not yet added: a few dozen pages a processor.
 *
 * @returns `undefined` when the line is cut off.
 */
export function parseProcessStat(
  pid: number,
  buffer: Buffer,
  length: number,
  units: KernelUnits,
): ProcessReading | undefined {
  const open = buffer.indexOf(40)
  const close = buffer.lastIndexOf(CLOSING_PARENTHESIS, length - 1)
  if (open < 0 || close < open) return undefined
  let field = 3
  let value = 0
  let ticks = 0
  let startedAt = -1
  for (let position = close + 4; position < length; position += 1) {
    const byte = buffer[position] ?? BLANK
    if (byte !== BLANK) {
      value = value * 10 + byte - 48
      continue
    }
    field += 1
    // 14 and 15: time in user mode and in the kernel; 22: start; 24: resident pages.
    if (field === 14 || field === 15) ticks += value
    else if (field === 22) startedAt = value
    else if (field === 24) {
      return {
        pid,
        startedAt,
        name: buffer.toString('utf8', open + 1, close),
        state: STATES[String.fromCharCode(buffer[close + 2] ?? BLANK)],
        cpuTime: ticks / units.ticksPerSecond,
        residentBytes: value * units.pageBytes,
      }
    }
    value = 0
  }
  return undefined
}
