import { execFile } from 'node:child_process'
import type { FailedUnit } from '../server-client.ts'

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

/** Arguments of systemctl(1) that list failed units with the reason and time of their failure, in every version. */
export const LIST_FAILED_UNITS: readonly string[] = [
  'show',
  '--state=failed',
  '--property=Id,Description,ActiveState,Result,ExecMainCode,ExecMainStatus,StateChangeTimestampMonotonic,InvocationID',
  '--no-pager',
  '*',
]

/** Id of an invocation: 128 bits in hexadecimal digits. */
const INVOCATION_ID = /^[0-9a-f]{32}$/

/**
 * Reads the last lines that an invocation of a unit wrote, and what systemd wrote about it, from the journal.
 *
 * @returns an empty text if the journal has no such lines, or this user may not read them. journalctl(1)
 */
export async function readInvocationLog(
  runProgram: RunProgram,
  invocationId: string,
  lines: number,
  signal: AbortSignal,
): Promise<string> {
  if (!INVOCATION_ID.test(invocationId)) return ''
  const fields = [`_SYSTEMD_INVOCATION_ID=${invocationId}`, '+', `INVOCATION_ID=${invocationId}`]
  return await runProgram(
    'journalctl',
    ['--no-pager', '--quiet', '--output=cat', `--lines=${lines}`, ...fields],
    signal,
  )
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
export function parseFailedUnits(text: string, now: { readonly date: Date; readonly uptime: number }): FailedUnit[] {
  return text.split(/\n\n+/).flatMap((block) => {
    const values = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    const get = (name: string): string | undefined => values.get(name) || undefined
    const name = get('Id')
    if (name === undefined || get('ActiveState') !== 'failed') return []
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
        failedAt: changed > 0 ? new Date(now.date.getTime() - (now.uptime - changed / 1e6) * 1000) : undefined,
        invocationId: get('InvocationID'),
      },
    ]
  })
}
