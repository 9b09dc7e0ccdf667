import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseUnits, readRunLog, showUnits } from './systemd.ts'

describe('parseUnits', () => {
  const now = { date: new Date('2026-11-22T09:00:00.000Z'), uptime: 1532.922646 }

  test('reads reason, exit code, signal and time of failed units', () => {
    expect(parseUnits(fixture('systemctl-show-failed.txt'), now)).toEqual([
      {
        name: 'killed.service',
        description: 'Kills itself',
        result: 'signal',
        exitCode: undefined,
        killedBy: 9,
        changedAt: new Date('2026-11-22T08:59:50.000Z'),
        invocationId: 'f60294b469574ffebcd1b36abcd658e1',
        activeState: 'failed',
        isRestarting: false,
        restarts: undefined,
      },
      {
        name: 'broken.service',
        description: 'Exits with 3',
        result: 'exit-code',
        exitCode: 3,
        killedBy: undefined,
        changedAt: new Date('2026-11-22T08:59:49.998Z'),
        invocationId: '559bf49d22cf4c30b547818f67a10c62',
        activeState: 'failed',
        isRestarting: false,
        restarts: undefined,
      },
    ])
  })

  test('leaves out what a unit without a main process lacks', () => {
    const text = 'Id=data.mount\nDescription=a=b\nActiveState=failed\nStateChangeTimestampMonotonic=0\nInvocationID=\n'
    expect(parseUnits(text, now)).toEqual([
      {
        name: 'data.mount',
        description: 'a=b',
        result: undefined,
        exitCode: undefined,
        killedBy: undefined,
        changedAt: undefined,
        invocationId: undefined,
        activeState: 'failed',
        isRestarting: false,
        restarts: undefined,
      },
    ])
  })

  test('reads how often systemd has restarted a unit, and whether it is about to', () => {
    expect(parseUnits('', now)).toEqual([])
    const text = 'Id=a.service\nActiveState=activating\nSubState=auto-restart-queued\nNRestarts=16\n'
    expect(parseUnits(text, now)).toMatchObject([{ activeState: 'activating', isRestarting: true, restarts: 16 }])
  })
})

describe('readRunLog', () => {
  const id = '559bf49d22cf4c30b547818f67a10c62'
  const { signal } = new AbortController()
  const read = (records: object[], lines = 4, invocationId = id) => {
    const calls: (readonly string[])[] = []
    const run = async (file: string, words: readonly string[]) => {
      calls.push([file, ...words])
      return records.map((record) => `${JSON.stringify(record)}\n`).join('')
    }
    return { calls, log: readRunLog(run, 'a.service', invocationId, lines, signal) }
  }

  test('returns what the run and systemd wrote, also where the journal does not know the run', async () => {
    const { calls, log } = read([
      { MESSAGE: 'of an earlier run', _SYSTEMD_INVOCATION_ID: 'f60294b469574ffebcd1b36abcd658e1' },
      { MESSAGE: 'all is lost', _SYSTEMD_INVOCATION_ID: id },
      { MESSAGE: 'of a process that ended at once' },
      { MESSAGE: [255, 104, 105] },
      { MESSAGE: 'Failed', INVOCATION_ID: id, _SYSTEMD_INVOCATION_ID: undefined },
    ])
    expect(await log).toBe('all is lost\nof a process that ended at once\n\uFFFDhi\nFailed\n')
    const matches = [`_SYSTEMD_INVOCATION_ID=${id}`, '+', `INVOCATION_ID=${id}`, '+', '_SYSTEMD_UNIT=a.service']
    expect(calls[0]?.slice(-5)).toEqual(matches)
  })

  test('returns the last lines only', async () => {
    expect(await read([{ MESSAGE: 'one' }, { MESSAGE: 'two' }, { MESSAGE: 'three' }], 2).log).toBe('two\nthree\n')
  })

  test('passes nothing but ids to the program', async () => {
    const { calls, log } = read([], 4, '--vacuum-size=1')
    expect(await log).toBe('')
    expect(calls).toEqual([])
  })
})

test('showUnits does not take the name of a unit for an option', () => {
  expect(showUnits(['-.mount', 'a.service']).slice(-3)).toEqual(['--', '-.mount', 'a.service'])
})
