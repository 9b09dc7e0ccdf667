import type { CpuReading, CpuTimes } from '../server-client.ts'
import { MAX_KERNEL_NUMBER, numberAfter } from './kernel-number.ts'

/**
 * Parses `/proc/stat`. Documentation/filesystems/proc.rst, 1.7
 *
 * @param ticksPerSecond `USER_HZ`
 * @throws Error when the text has no line `cpu`
 */
export function parseProcStat(text: string, ticksPerSecond: number): Omit<CpuReading, 'takenAt'> {
  let total: CpuTimes | undefined
  const cores = new Map<number, CpuTimes>()
  let position = 0
  while (text.startsWith('cpu', position)) {
    const lineBreak = text.indexOf('\n', position)
    const end = lineBreak < 0 ? text.length : lineBreak
    const fields = text.slice(position + 3, end).split(' ')
    const number = fields[0] ?? ''
    // In the line of all processors, two spaces follow `cpu`.
    if (number === '') total = toTimes(fields.slice(2), ticksPerSecond)
    else cores.set(Number(number), toTimes(fields.slice(1), ticksPerSecond))
    position = end + 1
  }
  if (total === undefined) throw new Error('`proc/stat` has no line `cpu`')
  return {
    total,
    cores,
    processesCreated: numberAfter(text, '\nprocesses '),
    contextSwitches: numberAfter(text, '\nctxt '),
  }
}

/**
 * Leaves out `guest` and `guest_nice`, which `user` and `nice` include, and impossible numbers, such as a negative time
 * of `steal`.
 */
function toTimes(fields: readonly string[], ticksPerSecond: number): CpuTimes {
  const ticks = (index: number): number => Number(fields[index] ?? 0)
  const seconds = (index: number): number | undefined => toSeconds(ticks(index), ticksPerSecond)
  return {
    user: seconds(0),
    nice: seconds(1),
    system: seconds(2),
    idle: seconds(3),
    iowait: seconds(4),
    interrupt: toSeconds(ticks(5) + ticks(6), ticksPerSecond),
    steal: seconds(7),
  }
}

function toSeconds(ticks: number, ticksPerSecond: number): number | undefined {
  return ticks >= 0 && ticks < MAX_KERNEL_NUMBER ? ticks / ticksPerSecond : undefined
}
