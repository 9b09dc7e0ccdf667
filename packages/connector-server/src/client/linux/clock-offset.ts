import type { ClockOffset } from '../server-client.ts'
import type { RootReader } from './root-reader.ts'
import type { RunProgram } from './systemd.ts'

/** Folders of daemons of NTP, which may outlive them, and the program that says its offset. */
const DAEMONS = [
  { folder: 'run/chrony', file: 'chronyc', words: ['-n', '-c', 'tracking'], parse: parseChrony },
  { folder: 'run/systemd/timesync', file: 'timedatectl', words: ['timesync-status'], parse: parseTimesyncd },
] as const

/**
 * Reads the offset of the clock from chrony or systemd-timesyncd.
 *
 * @returns `undefined` where neither answers, or where it runs on another host than this process
 */
export async function readClockOffset(
  reader: RootReader,
  runProgram: RunProgram,
  signal: AbortSignal,
): Promise<ClockOffset | undefined> {
  if (reader.root !== '/') return undefined
  for (const { file, words, parse } of DAEMONS.filter(({ folder }) => reader.exists(folder))) {
    try {
      return parse(await runProgram(file, words, signal))
    } catch {
      // The daemon has stopped, its program is missing, or it answers only root.
      signal.throwIfAborted()
    }
  }
  return undefined
}

/**
 * Parses the line of `chronyc -c tracking`. The last offset is positive if the clock was ahead. chronyc(1)
 *
 * @throws Error if the line has another form
 */
export function parseChrony(text: string): ClockOffset {
  const fields = text.trim().split(',')
  const seconds = Number.parseFloat(fields[5] ?? '')
  const leap = fields[13]
  if (leap === undefined || Number.isNaN(seconds)) throw new Error('`chronyc tracking` printed no offset')
  const isSynchronized = leap !== 'Not synchronised'
  return { source: 'chrony', isSynchronized, secondsAhead: isSynchronized ? seconds : undefined }
}

/** Units of time as systemd writes them. systemd.time(7) */
const UNIT_SECONDS: Readonly<Record<string, number>> = {
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  month: 2_629_800,
  y: 31_557_600,
}

/** Parses `timedatectl timesync-status`. Its offset is that of the server: positive if the clock is behind. */
export function parseTimesyncd(text: string): ClockOffset {
  const [, sign, amount] = /^\s*Offset: ([+-]?)((?:[\d.]+(?:us|ms|s|min|h|d|w|month|y) ?)+)$/m.exec(text) ?? []
  // Without an answer of a server, it prints neither offset nor packets.
  if (amount === undefined) return { source: 'systemd-timesyncd', isSynchronized: false, secondsAhead: undefined }
  const seconds = [...amount.matchAll(/([\d.]+)([a-z]+)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNIT_SECONDS[unit ?? ''] ?? Number.NaN),
    0,
  )
  return { source: 'systemd-timesyncd', isSynchronized: true, secondsAhead: sign === '-' ? seconds : -seconds }
}
