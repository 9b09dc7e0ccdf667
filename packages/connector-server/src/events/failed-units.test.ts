import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { FailedUnit, ServerClient } from '../client/server-client.ts'
import { failedUnits } from './failed-units.ts'

describe('failedUnits', () => {
  const unit = (name: string, change: Partial<FailedUnit> = {}): FailedUnit => ({
    name,
    description: undefined,
    result: 'exit-code',
    exitCode: 3,
    killedBy: undefined,
    failedAt: new Date('2026-11-22T08:59:59.000Z'),
    invocationId: `${name}#1`,
    ...change,
  })

  test('reports units that fail, fail again and recover', async () => {
    let units = [unit('a.service')]
    const client: ServerClient = { ...openFixture(fixtureRoot()), failedUnits: async () => units }
    const set = (next: FailedUnit[]) => (): void => {
      units = next
    }
    const killed = unit('b.mount', {
      exitCode: undefined,
      killedBy: 9,
      result: 'oom-kill',
      invocationId: undefined,
      failedAt: undefined,
    })
    const context = watchContext({
      steps: [
        set([unit('a.service', { invocationId: 'a.service#2', exitCode: 0, result: 'timeout' }), killed]),
        idle,
        set([]),
      ],
    })
    await runWatcher(failedUnits, client, context)
    expect(
      context.events().map(({ id, name, at, body, entity }) => ({ id, name, at, body, entity: entity.id })),
    ).toEqual([
      {
        id: 'systemd.unit.failed/a.service/a.service#1',
        name: 'systemd.unit.failed',
        at: '2026-11-22T08:59:59.000Z',
        body: 'a.service has failed: its main process exited with 3',
        entity: 'a.service',
      },
      {
        id: 'systemd.unit.failed/a.service/a.service#2',
        name: 'systemd.unit.failed',
        at: '2026-11-22T08:59:59.000Z',
        body: 'a.service has failed: timeout',
        entity: 'a.service',
      },
      {
        id: undefined,
        name: 'systemd.unit.failed',
        at: '2026-11-22T09:00:30.000Z',
        body: 'b.mount has failed: its main process was killed by signal 9 (oom-kill)',
        entity: 'b.mount',
      },
      {
        id: 'systemd.unit.recovered/a.service/a.service#2',
        name: 'systemd.unit.recovered',
        at: '2026-11-22T09:01:30.000Z',
        body: 'a.service is no longer failed',
        entity: 'a.service',
      },
      {
        id: undefined,
        name: 'systemd.unit.recovered',
        at: '2026-11-22T09:01:30.000Z',
        body: 'b.mount is no longer failed',
        entity: 'b.mount',
      },
    ])
  })

  describe('the log of a run', () => {
    const attributesOf = async (invocationLog: ServerClient['invocationLog'], change: Partial<ServerClient> = {}) => {
      const client: ServerClient = {
        ...openFixture(fixtureRoot()),
        failedUnits: async () => [unit('a.service')],
        invocationLog,
        ...change,
      }
      const context = watchContext({ steps: [idle] })
      await runWatcher(failedUnits, client, context)
      const { 'systemd.unit.log': log, 'systemd.unit.log_missing': missing } = context.events()[0]?.attributes ?? {}
      return { log, missing }
    }

    test('ends with its last lines, without secrets', async () => {
      const log = async (_id: string, lines: number) =>
        ['beginning of a line', 'one', 'DB_PASSWORD=hunter2', 'refused'].slice(-lines).join('\n').concat('\n')
      expect(await attributesOf(log)).toEqual({ log: 'one\nDB_PASSWORD=[redacted]\nrefused\n', missing: undefined })
    })

    test.each<[RegExp, ServerClient['invocationLog'], Partial<ServerClient>?]>([
      [/no lines of this run/, async () => ''],
      [/journalctl` failed: no such file/, () => Promise.reject(new Error('`journalctl` failed: no such file'))],
      [/crash_log_lines` is 0/, async () => 'a', { crashLogLines: 0 }],
      [
        /does not number/,
        async () => 'a',
        { failedUnits: async () => [unit('a.service', { invocationId: undefined })] },
      ],
    ])('is missing with a reason: %s', async (reason, log, change) => {
      const attributes = await attributesOf(log, change)
      expect(attributes).toEqual({ log: undefined, missing: expect.stringMatching(reason) })
    })
  })

  test('does not report known failures again after a restart of the agent', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      failedUnits: async () => [unit('a.service'), unit('b.service')],
    }
    const context = watchContext({ steps: [idle], cursor: JSON.stringify({ 'a.service': 'a.service#1' }) })
    await runWatcher(failedUnits, client, context)
    expect(context.events().map(({ entity }) => entity.id)).toEqual(['b.service'])
    expect(context.cursors).toHaveLength(1)
  })

  test('ends where systemd does not run', async () => {
    const context = watchContext()
    await runWatcher(failedUnits, openFixture(fixtureRoot()), context)
    expect(context.signal.aborted).toBe(false)
  })
})
