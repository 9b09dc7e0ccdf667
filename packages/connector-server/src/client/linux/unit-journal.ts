import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { RunEnd, UnitRun } from '../server-client.ts'

/** Ids of systemd's messages about runs of units. systemd/sd-messages.h */
const MESSAGES = {
  processExited: '98e322203f7a4ed290d09fe03c09fe15',
  runFailed: 'd9b373ed55a64feb8242e02dbe79a49c',
  restartScheduled: '5eb03494b6584870a536b337290809b3',
  unitStarted: '39f53479d3a045ac8e11786248231fbf',
}

const FIELDS = [
  'MESSAGE_ID',
  'UNIT',
  'INVOCATION_ID',
  'UNIT_RESULT',
  'EXIT_CODE',
  'EXIT_STATUS',
  '_SOURCE_REALTIME_TIMESTAMP',
]

/** Arguments of journalctl(1). Any process can write such fields, but only systemd has the id 1. */
const FOLLOW: readonly string[] = [
  '--follow',
  '--lines=0',
  '--quiet',
  '--output=json',
  `--output-fields=${FIELDS.join()}`,
  '_PID=1',
  ...Object.values(MESSAGES).map((id) => `MESSAGE_ID=${id}`),
]

/**
 * Follows the journal with journalctl(1). Resolves when the signal aborts or the program ends.
 *
 * @param command words before the arguments of journalctl
 */
export function followUnitRuns(
  listener: (run: UnitRun) => void,
  signal: AbortSignal,
  command: readonly string[] = ['journalctl'],
): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  const parse = createRunParser()
  return new Promise((resolve) => {
    const [file = '', ...words] = command
    const program = spawn(file, [...words, ...FOLLOW], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    })
    // It would keep an agent alive that has nothing else to do.
    program.unref()
    const stop = (): void => void program.kill()
    signal.addEventListener('abort', stop, { once: true })
    const end = (): void => {
      signal.removeEventListener('abort', stop)
      resolve()
    }
    program.on('error', end)
    program.on('close', end)
    createInterface({ input: program.stdout }).on('line', (line) => {
      const run = parse(line)
      if (run !== undefined) listener(run)
    })
  })
}

/** Maximum number of units whose last run is kept. */
const MAX_UNITS = 1_000

/**
 * Creates a parser of the journal's records in JSON. systemd writes the exit of the main process before the failure of
 * the run, and a restart after it: a restart without a failure follows a run that ended with success.
 */
export function createRunParser(): (line: string) => UnitRun | undefined {
  const exits = new Map<string, Pick<RunEnd, 'exitCode' | 'killedBy'>>()
  const failures = new Map<string, string | undefined>()
  return (line) => {
    const record = parseRecord(line)
    const unit = record?.UNIT
    if (record === undefined || unit === undefined) return undefined
    const invocationId = record.INVOCATION_ID
    const time = Number(record._SOURCE_REALTIME_TIMESTAMP ?? record.__REALTIME_TIMESTAMP)
    const run = { unit, at: new Date(time / 1000), invocationId, exitCode: undefined, killedBy: undefined }
    switch (record.MESSAGE_ID) {
      case MESSAGES.processExited:
        keep(exits, unit, exitOf(record))
        return undefined
      case MESSAGES.runFailed: {
        const exit = exits.get(unit)
        exits.delete(unit)
        keep(failures, unit, invocationId)
        return { ...run, ...exit, kind: 'failed', result: record.UNIT_RESULT }
      }
      case MESSAGES.restartScheduled: {
        const isKnown = failures.has(unit) && failures.get(unit) === invocationId
        failures.delete(unit)
        return isKnown ? undefined : { ...run, kind: 'restarted', result: 'success' }
      }
      case MESSAGES.unitStarted:
        return { ...run, kind: 'started', result: undefined }
      default:
        return undefined
    }
  }
}

type JournalRecord = Readonly<Record<string, string | undefined>>

/** Returns the fields that are texts, or `undefined` if the line is not a record. */
function parseRecord(line: string): JournalRecord | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null) return undefined
    return Object.fromEntries(Object.entries(value).filter(([, field]) => typeof field === 'string')) as JournalRecord
  } catch {
    return undefined
  }
}

function exitOf({ EXIT_CODE: code, EXIT_STATUS: text }: JournalRecord): Pick<RunEnd, 'exitCode' | 'killedBy'> {
  const status = text === undefined || !/^\d+$/.test(text) ? undefined : Number(text)
  return code === 'exited' ? { exitCode: status, killedBy: undefined } : { exitCode: undefined, killedBy: status }
}

function keep<Value>(map: Map<string, Value>, unit: string, value: Value): void {
  map.delete(unit)
  map.set(unit, value)
  const [oldest] = map.keys()
  if (map.size > MAX_UNITS && oldest !== undefined) map.delete(oldest)
}
