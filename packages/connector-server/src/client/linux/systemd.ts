import { execFile } from 'node:child_process'
import type { UnitState } from '../server-client.ts'

/** Returns the output of a program. Rejects with its error output when it fails, is missing, or the signal aborts. */
export type RunProgram = (file: string, arguments_: readonly string[], signal: AbortSignal) => Promise<string>

/** Longest output that is read: that of ten thousand failed units. */
const MAX_OUTPUT_BYTES = 8 << 20

/** Runs a program in the C locale, without a shell. */
export const runProgram: RunProgram = (file, arguments_, signal) =>
  new Promise((resolve, reject) => {
    const options = { signal, maxBuffer: MAX_OUTPUT_BYTES, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
    execFile(file, arguments_, options, (error, output, errors) => {
      if (error === null) resolve(output)
      else reject(new Error(`\`${file}\` failed: ${errors.trim() || error.message}`, { cause: error }))
    })
  })

/** Properties of units that every version of systemctl(1) accepts. */
const PROPERTIES = [
  'Id',
  'Description',
  'ActiveState',
  'SubState',
  'Result',
  'ExecMainCode',
  'ExecMainStatus',
  'NRestarts',
  'StateChangeTimestampMonotonic',
  'InvocationID',
]

/** Arguments of systemctl(1) that list failed units with the reason and time of their failure. */
export const LIST_FAILED_UNITS: readonly string[] = [
  'show',
  '--state=failed',
  `--property=${PROPERTIES.join()}`,
  '--no-pager',
  '*',
]

/** Returns the arguments of systemctl(1) that show units by name. */
export function showUnits(names: readonly string[]): string[] {
  return ['show', `--property=${PROPERTIES.join()}`, '--no-pager', '--', ...names]
}

/** Id of an invocation: 128 bits in hexadecimal digits. */
const INVOCATION_ID = /^[0-9a-f]{32}$/

/** Lines of the journal that are read for each returned line: some are those of other runs of the unit. */
const READ_LINES = 4

/**
 * Reads the last lines that a run of a unit wrote, and what systemd wrote about it, from the journal. Includes lines of
 * the unit without an invocation: the journal does not know that of a process that ended before it looked.
 *
 * @returns an empty text if the journal has no such lines, or this user may not read them. journalctl(1)
 */
export async function readRunLog(
  runProgram: RunProgram,
  unit: string,
  invocationId: string,
  lines: number,
  signal: AbortSignal,
): Promise<string> {
  if (!INVOCATION_ID.test(invocationId)) return ''
  const matches = [`_SYSTEMD_INVOCATION_ID=${invocationId}`, `INVOCATION_ID=${invocationId}`, `_SYSTEMD_UNIT=${unit}`]
  const output = await runProgram(
    'journalctl',
    [
      '--no-pager',
      '--quiet',
      '--output=json',
      '--output-fields=MESSAGE,INVOCATION_ID,_SYSTEMD_INVOCATION_ID',
      `--lines=${lines * READ_LINES}`,
      ...matches.flatMap((match) => ['+', match]).slice(1),
    ],
    signal,
  )
  const messages = output.split('\n').flatMap((line) => messageOf(line, invocationId) ?? [])
  return messages.slice(-lines).join('')
}

/** Returns the message of a record, if it is not one of another run. */
function messageOf(line: string, invocationId: string): string | undefined {
  if (line === '') return undefined
  const { MESSAGE, INVOCATION_ID: about, _SYSTEMD_INVOCATION_ID: from } = JSON.parse(line) as Record<string, unknown>
  if ((about ?? from ?? invocationId) !== invocationId) return undefined
  // A message that is not UTF-8 is a list of bytes, and one of several equal fields a list of texts.
  if (Array.isArray(MESSAGE) && typeof MESSAGE[0] === 'number') return `${Buffer.from(MESSAGE).toString()}\n`
  const text: unknown = Array.isArray(MESSAGE) ? MESSAGE[0] : MESSAGE
  return typeof text === 'string' ? `${text}\n` : undefined
}

/** Values of `ExecMainCode`: si_code of waitid(2). */
const CLD_EXITED = '1'
const CLD_KILLED = '2'
const CLD_DUMPED = '3'

/**
 * Parses the output of `systemctl show`: blocks of `Name=value`, separated by empty lines.
 *
 * @param now time and uptime (in seconds) of the output. systemd gives the time of a failure as an uptime
 */
export function parseUnits(text: string, now: { readonly date: Date; readonly uptime: number }): UnitState[] {
  return text.split(/\n\n+/).flatMap((block) => {
    const values = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    const get = (name: string): string | undefined => values.get(name) || undefined
    const name = get('Id')
    const activeState = get('ActiveState')
    if (name === undefined || activeState === undefined) return []
    const restarts = Number(get('NRestarts') ?? Number.NaN)
    const code = get('ExecMainCode')
    const status = Number(get('ExecMainStatus') ?? Number.NaN)
    const changed = Number(get('StateChangeTimestampMonotonic') ?? 0)
    return [
      {
        name,
        description: get('Description'),
        result: get('Result'),
        exitCode: code === CLD_EXITED && !Number.isNaN(status) ? status : undefined,
        killedBy: (code === CLD_KILLED || code === CLD_DUMPED) && !Number.isNaN(status) ? status : undefined,
        changedAt: changed > 0 ? new Date(now.date.getTime() - (now.uptime - changed / 1e6) * 1000) : undefined,
        invocationId: get('InvocationID'),
        activeState,
        // `auto-restart-queued` since systemd 254.
        isRestarting: get('SubState')?.startsWith('auto-restart') ?? false,
        restarts: Number.isNaN(restarts) ? undefined : restarts,
      },
    ]
  })
}
