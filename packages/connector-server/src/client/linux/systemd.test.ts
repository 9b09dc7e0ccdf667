import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseFailedUnits, readInvocationLog } from './systemd.ts'

describe('parseFailedUnits', () => {
  const now = { date: new Date('2026-11-22T09:00:00.000Z'), uptime: 1532.922646 }

  test('reads reason, exit code, signal and time of failed units', () => {
    expect(parseFailedUnits(fixture('systemctl-show-failed.txt'), now)).toEqual([
      {
        name: 'killed.service',
        description: 'Kills itself',
        result: 'signal',
        exitCode: undefined,
        killedBy: 9,
        failedAt: new Date('2026-11-22T08:59:50.000Z'),
        invocationId: 'f60294b469574ffebcd1b36abcd658e1',
      },
      {
        name: 'broken.service',
        description: 'Exits with 3',
        result: 'exit-code',
        exitCode: 3,
        killedBy: undefined,
        failedAt: new Date('2026-11-22T08:59:49.998Z'),
        invocationId: '559bf49d22cf4c30b547818f67a10c62',
      },
    ])
  })

  test('leaves out what a unit without a main process lacks', () => {
    const text = 'Id=data.mount\nDescription=a=b\nActiveState=failed\nStateChangeTimestampMonotonic=0\nInvocationID=\n'
    expect(parseFailedUnits(text, now)).toEqual([
      {
        name: 'data.mount',
        description: 'a=b',
        result: undefined,
        exitCode: undefined,
        killedBy: undefined,
        failedAt: undefined,
        invocationId: undefined,
      },
    ])
  })

  test('skips units that have recovered, and accepts empty output', () => {
    expect(parseFailedUnits('', now)).toEqual([])
    expect(parseFailedUnits('Id=a.service\nActiveState=active\n', now)).toEqual([])
  })
})

test('readInvocationLog asks the journal for what an invocation and systemd wrote', async () => {
  const calls: (readonly string[])[] = []
  const run = async (file: string, words: readonly string[]) => {
    calls.push([file, ...words])
    return 'all is lost\n'
  }
  const { signal } = new AbortController()
  const id = '559bf49d22cf4c30b547818f67a10c62'
  expect(await readInvocationLog(run, id, 4, signal)).toBe('all is lost\n')
  expect(await readInvocationLog(run, '--vacuum-size=1', 4, signal)).toBe('')
  const fields = [`_SYSTEMD_INVOCATION_ID=${id}`, '+', `INVOCATION_ID=${id}`]
  expect(calls).toEqual([['journalctl', '--no-pager', '--quiet', '--output=cat', '--lines=4', ...fields]])
})
