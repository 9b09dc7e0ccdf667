import type { FailedUnit } from '../server-client.ts'

const PROPERTIES = [
  'Id',
  'Description',
  'ActiveState',
  'Result',
  'ExecMainCode',
  'ExecMainStatus',
  'StateChangeTimestampMonotonic',
  'InvocationID',
]

/** Lists failed units with the reason and the time of their failure: one program for all of them, in every version of systemd. */
export const LIST_FAILED_UNITS: readonly string[] = [
  'show',
  '--state=failed',
  `--property=${PROPERTIES.join(',')}`,
  '--no-pager',
  '*',
]

/** Values of `ExecMainCode`: si_code of waitid(2). */
const CLD_EXITED = '1'
const CLD_KILLED = '2'
const CLD_DUMPED = '3'

/**
 * Reads what `systemctl show` prints: blocks of `Name=value`, parted by empty lines.
 *
 * @param now the time and the uptime in seconds at which it was printed: systemd's time of failure is an uptime
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
