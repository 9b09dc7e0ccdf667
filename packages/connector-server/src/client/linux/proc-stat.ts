import type { CpuTimes } from '../server-client.ts'

/** What `/proc/stat` says. Documentation/filesystems/proc.rst, 1.7 */
export interface ProcStat {
  readonly total: CpuTimes
  readonly cores: ReadonlyMap<number, CpuTimes>
  readonly processesCreated: number | undefined
  /** When the machine was started, in seconds since 1970. Moves when the clock is set. */
  readonly bootTime: number | undefined
}

/** @param ticksPerSecond `USER_HZ` */
export function parseProcStat(text: string, ticksPerSecond: number): ProcStat {
  let total: CpuTimes | undefined
  const cores = new Map<number, CpuTimes>()
  let position = 0
  while (text.startsWith('cpu', position)) {
    const end = lineEnd(text, position)
    const fields = text.slice(position + 3, end).split(' ')
    const number = fields[0] ?? ''
    // The line of all processors has two blanks after its name.
    if (number === '') total = toTimes(fields.slice(2), ticksPerSecond)
    else cores.set(Number(number), toTimes(fields.slice(1), ticksPerSecond))
    position = end + 1
  }
  if (total === undefined) throw new Error('`proc/stat` has no line `cpu`')
  return { total, cores, processesCreated: numberAfter(text, '\nprocesses '), bootTime: numberAfter(text, '\nbtime ') }
}

/** `guest` and `guest_nice` are part of `user` and `nice`, and not counted twice. */
function toTimes(fields: readonly string[], ticksPerSecond: number): CpuTimes {
  const ticks = (index: number): number => Number(fields[index] ?? 0)
  const seconds = (index: number): number => ticks(index) / ticksPerSecond
  return {
    user: seconds(0),
    nice: seconds(1),
    system: seconds(2),
    idle: seconds(3),
    iowait: seconds(4),
    interrupt: (ticks(5) + ticks(6)) / ticksPerSecond,
    steal: seconds(7),
  }
}

/** The number behind `prefix`, or `undefined` where the text does not have it. */
export function numberAfter(text: string, prefix: string): number | undefined {
  const start = text.indexOf(prefix)
  if (start < 0) return undefined
  const value = Number.parseInt(text.slice(start + prefix.length, start + prefix.length + 24), 10)
  return Number.isNaN(value) ? undefined : value
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}
