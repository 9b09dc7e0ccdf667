import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { FailedUnit, ServerClient, UnitRun, UnitState } from '../client/server-client.ts'
import { failedUnits } from './failed-units.ts'

describe('failedUnits', () => {
  const unit = (name: string, change: Partial<FailedUnit> = {}): FailedUnit => ({
    name,
    description: undefined,
    result: 'exit-code',
    exitCode: 3,
    killedBy: undefined,
    changedAt: new Date('2026-11-22T08:59:59.000Z'),
    invocationId: `${name}#1`,
    ...change,
  })

  test('reports units that fail, fail again and recover', async () => {
    let units = [unit('a.service')]
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      failedUnits: async () => units,
      // Units that were removed have no state.
      unitStates: async () => Promise.reject(new Error('no such unit')),
    }
    const set = (next: FailedUnit[]) => (): void => {
      units = next
    }
    const killed = unit('b.mount', {
      exitCode: undefined,
      killedBy: 9,
      result: 'oom-kill',
      invocationId: undefined,
      changedAt: undefined,
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
    const attributesOf = async (runLog: ServerClient['runLog'], change: Partial<ServerClient> = {}) => {
      const client: ServerClient = {
        ...openFixture(fixtureRoot()),
        failedUnits: async () => [unit('a.service')],
        runLog,
        ...change,
      }
      const context = watchContext({ steps: [idle] })
      await runWatcher(failedUnits, client, context)
      const { 'systemd.unit.log': log, 'systemd.unit.log_missing': missing } = context.events()[0]?.attributes ?? {}
      return { log, missing }
    }

    test('ends with its last lines, without secrets', async () => {
      const log = async (_unit: string, _id: string, lines: number) =>
        ['beginning of a line', 'one', 'DB_PASSWORD=hunter2', 'refused'].slice(-lines).join('\n').concat('\n')
      expect(await attributesOf(log)).toEqual({ log: 'one\nDB_PASSWORD=[redacted]\nrefused\n', missing: undefined })
    })

    test.each<[RegExp, ServerClient['runLog'], Partial<ServerClient>?]>([
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

  describe('messages of systemd in the journal', () => {
    const at = new Date('2026-11-22T09:00:00.500Z')
    const run = (change: Partial<UnitRun> = {}): UnitRun => {
      return { ...unit('a.service'), kind: 'failed', unit: 'a.service', at, ...change }
    }
    const state = (change: Partial<UnitState> = {}): UnitState => {
      return { ...unit('a.service'), activeState: 'active', isRestarting: false, restarts: 0, ...change }
    }

    /** Runs the watcher. Each step has the runs that it reads from the journal, the states, and the failed units. */
    const watch = async (...steps: { runs: UnitRun[]; states?: UnitState[]; failed?: FailedUnit[] }[]) => {
      let listener: ((run: UnitRun) => void) | undefined
      let states: UnitState[] = []
      let failed: FailedUnit[] = []
      const client: ServerClient = {
        ...openFixture(fixtureRoot()),
        crashLogLines: 0,
        failedUnits: async () => failed,
        unitStates: async (names) => states.filter(({ name }) => names.includes(name)),
        followUnitRuns: (onRun) => {
          listener = onRun
          return new Promise(() => undefined)
        },
      }
      const context = watchContext({
        steps: steps.flatMap((step) => [
          () => {
            states = step.states ?? []
            failed = step.failed ?? []
            for (const one of step.runs) listener?.(one)
          },
          idle,
        ]),
      })
      await runWatcher(failedUnits, client, context)
      return context
    }

    test('reports a unit that failed and runs again since then, with the times of systemd', async () => {
      const recoveredAt = new Date('2026-11-22T09:00:09.000Z')
      const context = await watch({ runs: [run()], states: [state({ changedAt: recoveredAt })] })
      expect(context.events()).toMatchObject([
        { name: 'systemd.unit.failed', at: at.toISOString(), body: expect.stringContaining('exited with 3') },
        { name: 'systemd.unit.recovered', at: recoveredAt.toISOString() },
      ])
    })

    test('wakes the watcher when a run ends or a failed unit starts, and at no other time', async () => {
      const started = run({ kind: 'started' })
      const failed = [unit('a.service')]
      const context = await watch({ runs: [run()], failed }, { runs: [started, run({ kind: 'started', unit: 'b' })] })
      expect(context.sleeps).toEqual(['30s', '1s', '30s', '1s', '30s'])
      expect(context.events().map(({ name }) => name)).toEqual(['systemd.unit.failed', 'systemd.unit.recovered'])
    })

    test('reports restarts four times, then a loop with its length', async () => {
      const states = [state({ activeState: 'activating', isRestarting: true, restarts: 9 })]
      const runs = Array.from({ length: 12 }, (_, index) => run({ invocationId: `a.service#${index + 1}` }))
      const events = (await watch({ runs, states })).events()
      expect(events.map(({ name }) => name)).toEqual([
        ...Array.from({ length: 4 }, () => 'systemd.unit.restarted'),
        'systemd.unit.restart_loop',
      ])
      expect(events.at(-1)).toMatchObject({
        severity: 'error',
        body: 'a.service is in a restart loop: it has ended 10 times: its main process exited with 3',
        attributes: { 'systemd.unit.restart_loop.count': 10, 'systemd.unit.restart.count': 9 },
      })
    })

    test('reports a restart after a run that ended with success', async () => {
      const ended = run({ kind: 'restarted', result: 'success', exitCode: undefined })
      expect((await watch({ runs: [ended], states: [state({ restarts: 1 })] })).events()).toMatchObject([
        { name: 'systemd.unit.restarted', body: expect.stringContaining('its main process exited with 0') },
      ])
    })

    test('reports a failure once that both the list and the journal have', async () => {
      const context = await watch({ runs: [run()], failed: [unit('a.service')] }, { runs: [run()] })
      expect(context.events().map(({ name }) => name)).toEqual(['systemd.unit.failed', 'systemd.unit.recovered'])
    })

    test('reports 3,000 units that fail at once in 21 events', async () => {
      const failed = Array.from({ length: 3_000 }, (_, index) => unit(`worker-${index}.service`))
      const events = (await watch({ runs: [], failed }, { runs: [] })).events()
      expect(events).toHaveLength(42)
      expect(events[20]).toMatchObject({
        name: 'systemd.unit.failed',
        entity: { type: 'host' },
        body: expect.stringMatching(/^2980 more units have failed: worker-20\.service, .*, …$/),
        attributes: { 'systemd.unit.count': 2980 },
      })
      expect(events[41]).toMatchObject({ name: 'systemd.unit.recovered', attributes: { 'systemd.unit.count': 2980 } })
    })

    test('counts the failures of a unit that fails and recovers repeatedly', async () => {
      const runs = Array.from({ length: 10 }, (_, index) => run({ invocationId: `a.service#${index}` }))
      const events = (await watch({ runs, states: [state()] })).events()
      expect(events.filter(({ name }) => name === 'systemd.unit.failed')).toHaveLength(5)
      expect(events[4]).toMatchObject({ attributes: { 'systemd.unit.failure.count': 10 } })
      expect(events.filter(({ name }) => name === 'systemd.unit.recovered')).toHaveLength(1)
    })

    test('looks every 30 s where the journal cannot be followed', async () => {
      let attempts = 0
      const client: ServerClient = {
        ...openFixture(fixtureRoot()),
        failedUnits: async () => [],
        followUnitRuns: async () => {
          attempts += 1
        },
      }
      const context = watchContext({ steps: Array.from({ length: 25 }, () => idle) })
      await runWatcher(failedUnits, client, context)
      expect(new Set(context.sleeps)).toEqual(new Set(['30s']))
      expect(attempts).toBe(2)
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

  test.each([
    ['after a reboot, reports only units that were started since then', 'earlier', ['started.service']],
    ['without a reboot, reports all units', 'current', ['removed.service', 'started.service', 'waiting.service']],
  ])('recovery: %s', async (_what, bootId, expected) => {
    const units = { 'removed.service': 'a', 'started.service': 'b', 'waiting.service': 'c' }
    const inactive = { ...unit('waiting.service', { invocationId: undefined }), activeState: 'inactive' }
    const active = { ...unit('started.service'), activeState: 'active' }
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      boot: async () => ({ id: 'current', startedAt: new Date('2026-11-22T08:00:00.000Z') }),
      failedUnits: async () => [],
      unitStates: async () => [inactive, active].map((state) => ({ ...state, isRestarting: false, restarts: 0 })),
    }
    const context = watchContext({ steps: [idle], cursor: JSON.stringify({ bootId, units }) })
    await runWatcher(failedUnits, client, context)
    expect(context.events().map(({ name, entity }) => `${name} ${entity.id}`)).toEqual(
      expected.map((id) => `systemd.unit.recovered ${id}`),
    )
    expect(JSON.parse(context.cursors.at(-1) ?? '')).toEqual({ bootId: 'current', units: {} })
  })

  test('ends where systemd does not run', async () => {
    const context = watchContext()
    await runWatcher(failedUnits, openFixture(fixtureRoot()), context)
    expect(context.signal.aborted).toBe(false)
  })
})
