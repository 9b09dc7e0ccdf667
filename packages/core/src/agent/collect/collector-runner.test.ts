import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Client, exampleConnector, host, signals } from '../../../test/example-connector.ts'
import { gate } from '../../../test/gate.ts'
import { recordingLogger } from '../../../test/recording-logger.ts'
import type { Collector, Connector, StreamingCollector } from '../../connector/connector.ts'
import type { Metric, Signals } from '../../connector/signals.ts'
import { createSignalValidator } from '../validate/validate-signals.ts'
import { type CollectorRunner, createCollectorRunner } from './collector-runner.ts'
import { createEventLoopMonitor, type EventLoopMonitor } from './event-loop-monitor.ts'

interface Setup {
  readonly runner: CollectorRunner
  readonly log: ReturnType<typeof recordingLogger>
  /** Lets so many seconds pass. */
  pass(seconds: number): void
  readonly stop: AbortController
}

function runnerOf(collectors: Connector<unknown, Client>['collectors'], monitor?: EventLoopMonitor): Setup {
  let time = Date.parse('2026-01-23T10:00:00.000Z')
  const stop = new AbortController()
  const log = recordingLogger()
  const runner = createCollectorRunner<Client>({
    connector: exampleConnector({ collectors }),
    client: { name: 'example' },
    validator: createSignalValidator(signals),
    redact: (text) => text.replaceAll('hunter2', '[redacted]'),
    now: () => new Date(time),
    log,
    signal: stop.signal,
    ...(monitor && { monitor }),
  })
  return {
    runner,
    log,
    pass: (seconds) => {
      time += seconds * 1000
    },
    stop,
  }
}

/** A collector that runs these one after the other. */
function sequence(...runs: (() => Signals | Promise<Signals>)[]): Collector<Client> {
  return { collect: async () => (runs.shift() ?? ((): Signals => ({})))() }
}

const fail = (error: unknown) => (): Signals => {
  throw error
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Lets the default timeout pass while a collector runs. */
async function afterTimeout<Result>(run: Promise<Result>): Promise<Result> {
  await vi.advanceTimersByTimeAsync(10_000)
  return run
}

describe('CollectorRunner', () => {
  test('names a collector that blocks the event loop, and keeps that time from the others', async () => {
    let time = 0
    const monitor = createEventLoopMonitor({ now: () => time, cpuMs: () => time })
    const blocking: Collector<Client> = {
      collect: async () => {
        time += 5_000
        return {}
      },
    }
    const { runner, log } = runnerOf({ load: sequence(), blocking }, monitor)
    for (let cycle = 0; cycle < 2; cycle += 1) {
      const [load, other] = await Promise.all([runner.run('load'), runner.run('blocking')])
      expect([load, other].map(({ ok, signals: { gaps } }) => [ok, gaps])).toEqual([
        [true, []],
        [
          true,
          [
            {
              scope: 'blocked:blocking',
              reason: 'it blocked the event loop for 5.0 s: heartbeats, events and other collectors waited',
            },
          ],
        ],
      ])
    }
    expect(runner.gaps()).toMatchObject([{ scope: 'blocked:blocking' }])
    expect(log.messages('warn')).toEqual(['collector blocks the agent'])
  })

  test('passes the client to the collector and returns its signals', async () => {
    const load: Collector<Client> = {
      collect: async (client) => ({ metrics: [signals.load.point(client.name.length, host)] }),
    }
    const { runner } = runnerOf({ load })
    const run = await runner.run('load')
    expect(run).toMatchObject({ collector: 'load', ok: true, signals: { metrics: [{ value: 7 }] } })
    expect(runner.statuses()).toEqual({ load: { ok: true, duration_ms: expect.any(Number) } })
    expect(runner.gaps()).toEqual([])
    expect([...runner.failures()]).toEqual([])
  })

  test.each([
    [new Error('no such device'), 'no such device'],
    [new TypeError(), 'TypeError'],
    [new AggregateError([new Error('a'), new Error('b')]), 'a; b'],
    ['text', 'it threw "text"'],
    [undefined, 'it threw undefined'],
    [Symbol('x'), 'it threw Symbol(x)'],
    [Object.create(null), 'it threw something of type object'],
    [new Error(`the password hunter2`), 'the password [redacted]'],
  ])('turns a collector that throws %s into a gap and a failed status', async (error, reason) => {
    const { runner } = runnerOf({ disks: sequence(fail(error)), load: sequence() })
    expect(await runner.run('disks')).toMatchObject({ ok: false, error: reason })
    expect(runner.gaps()).toEqual([{ scope: 'collector:disks', reason, since: '2026-01-23T10:00:00.000Z' }])
    expect(runner.statuses()).toMatchObject({ disks: { ok: false, error: reason } })
    expect(runner.failures().get('disks')).toBe(1)
    expect((await runner.run('load')).ok).toBe(true)
  })

  test('treats a collector that throws synchronously as failed', async () => {
    const { runner } = runnerOf({ disks: { collect: fail(new Error('at once')) as never } })
    expect(await runner.run('disks')).toMatchObject({ ok: false, error: 'at once' })
  })

  test('leaves out invalid signals, names them and keeps the valid ones', async () => {
    const wrong = { ...signals.load.point(1, host)!, name: 'host.hunter2' }
    const { runner } = runnerOf({
      load: sequence(() => ({ metrics: [wrong, signals.load.point(2, host), signals.load.point(Number.NaN, host)] })),
    })
    const run = await runner.run('load')
    expect(run.ok).toBe(false)
    expect(run.signals.metrics).toMatchObject([{ value: 2 }])
    expect(runner.gaps()[0]?.reason).toBe(
      'left out: the metric `host.[redacted]` is not declared in `signals`; the metric `host.load` has a value that is not a finite number, of `host/host-1`',
    )
  })

  test.each([undefined, null, 'text', [], { metrics: 5 }])(
    'treats a collector that returns %j as failed',
    async (value) => {
      const { runner } = runnerOf({ disks: sequence(() => value as never) })
      expect((await runner.run('disks')).ok).toBe(false)
    },
  )

  test('truncates a long error', async () => {
    const { runner } = runnerOf({ disks: sequence(fail(new Error('x'.repeat(100_000)))) })
    expect((await runner.run('disks')).error).toHaveLength(2000)
  })

  test('keeps the time at which a gap first appeared until the gap closes', async () => {
    const part = (): Signals => ({ gaps: [{ scope: 'filesystem:/mnt', reason: 'no permission' }] })
    const { runner, pass } = runnerOf({
      disks: sequence(fail(new Error('a')), fail(new Error('b')), part, part, () => ({}), fail(new Error('c'))),
    })
    const gaps = async (): Promise<string[]> => {
      await runner.run('disks')
      pass(15)
      return runner.gaps().map(({ scope, since }) => `${scope} ${since.slice(14, 19)}`)
    }
    expect(await gaps()).toEqual(['collector:disks 00:00'])
    expect(await gaps()).toEqual(['collector:disks 00:00'])
    expect(await gaps()).toEqual(['filesystem:/mnt 00:30'])
    expect(await gaps()).toEqual(['filesystem:/mnt 00:30'])
    expect(await gaps()).toEqual([])
    expect(await gaps()).toEqual(['collector:disks 01:15'])
    expect(runner.failures().get('disks')).toBe(3)
  })

  test('keeps a gap that ends before a report contains it, with its end, until the next report', async () => {
    const part = (): Signals => ({ gaps: [{ scope: 'filesystem:/mnt', reason: 'no permission' }] })
    const { runner, pass } = runnerOf({ disks: sequence(part, fail(new Error('a')), () => ({})) })
    await runner.run('disks')
    expect(runner.takeGaps()).toMatchObject([{ scope: 'filesystem:/mnt' }])
    for (let count = 0; count < 2; count += 1) {
      pass(15)
      await runner.run('disks')
    }
    const [since, until] = ['2026-01-23T10:00:15.000Z', '2026-01-23T10:00:30.000Z']
    expect(runner.takeGaps()).toEqual([{ scope: 'collector:disks', reason: 'a', since, until }])
    expect(runner.takeGaps()).toEqual([])
  })

  test('keeps the `since` of a gap that has one', async () => {
    const since = '2026-01-01T00:00:00.000Z'
    const { runner } = runnerOf({ disks: sequence(() => ({ gaps: [{ scope: 'x', reason: 'hunter2', since }] })) })
    await runner.run('disks')
    expect(runner.gaps()).toEqual([{ scope: 'x', reason: '[redacted]', since }])
  })

  test('aborts the signal of a collector at its timeout', async () => {
    let given: AbortSignal | undefined
    const disks: Collector<Client> = {
      collect: (_client, { signal }) => {
        given = signal
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      },
    }
    const { runner } = runnerOf({ disks })
    expect((await afterTimeout(runner.run('disks'))).error).toBe('it did not finish within 10 s')
    expect(given?.aborted).toBe(true)
    // The collector heeded its signal, so that it may run again.
    expect((await afterTimeout(runner.run('disks'))).error).toBe('it did not finish within 10 s')
  })

  test('skips a collector whose previous run ignored its timeout, until that run settles', async () => {
    const stuck = gate<Signals>()
    let starts = 0
    const disks: Collector<Client> = {
      collect: () => {
        starts += 1
        return starts === 1 ? stuck.promise : Promise.resolve({})
      },
    }
    const { runner, pass } = runnerOf({ disks })
    expect((await afterTimeout(runner.run('disks'))).error).toBe('it did not finish within 10 s')
    pass(15)
    expect((await runner.run('disks')).error).toBe(
      'previous run still in progress since 2026-01-23T10:00:00.000Z; skipping this one',
    )
    expect(starts).toBe(1)
    expect(runner.gaps()).toMatchObject([{ since: '2026-01-23T10:00:00.000Z' }])

    stuck.break(new Error('too late'))
    await stuck.promise.catch(() => undefined)
    expect((await runner.run('disks')).ok).toBe(true)
    expect(starts).toBe(2)
    expect(runner.gaps()).toEqual([])
  })

  test('joins the current run instead of starting another one', async () => {
    const slow = gate<Signals>()
    let starts = 0
    const disks: Collector<Client> = {
      collect: () => {
        starts += 1
        return slow.promise
      },
    }
    const { runner } = runnerOf({ disks })
    const first = runner.run('disks')
    expect(runner.isRunning('disks')).toBe(true)
    const second = runner.run('disks')
    slow.open({})
    expect(await first).toBe(await second)
    expect(starts).toBe(1)
    expect(runner.isRunning('disks')).toBe(false)
  })

  test('returns the state of the collector’s previous run from `swapState`, until a reset', async () => {
    const seen: unknown[] = []
    const counting = (reading: number): Collector<Client> => ({
      collect: async (_client, { swapState, now }) => {
        seen.push(swapState({ reading, at: now().toISOString().slice(11, 19) }))
        return {}
      },
    })
    const { runner, pass } = runnerOf({ a: counting(1), b: counting(2) })
    await runner.run('a')
    await runner.run('b')
    pass(1)
    await runner.run('a')
    expect(seen).toEqual([undefined, undefined, { reading: 1, at: '10:00:00' }])
    runner.reset()
    await runner.run('a')
    expect(seen.at(-1)).toBe(undefined)
  })

  test('discards the state of a failed run', async () => {
    const seen: unknown[] = []
    let runs = 0
    const { runner } = runnerOf({
      a: {
        collect: async (_client, { swapState }) => {
          runs += 1
          seen.push(swapState(runs))
          if (runs === 2) throw new Error('broken')
          return {}
        },
      },
    })
    for (let run = 0; run < 3; run += 1) await runner.run('a')
    expect(seen).toEqual([undefined, 1, 1])
  })

  test('discards the state of a run that started before a reset', async () => {
    const seen: unknown[] = []
    const waiting = gate<Signals>()
    const { runner } = runnerOf({
      a: {
        collect: (_client, { swapState }) => {
          seen.push(swapState('kept'))
          return seen.length === 1 ? waiting.promise : Promise.resolve({})
        },
      },
    })
    const run = runner.run('a')
    runner.reset()
    waiting.open({})
    await run
    await runner.run('a')
    expect(seen).toEqual([undefined, undefined])
  })

  test('does not join a partial run for a full snapshot', async () => {
    const seen: unknown[] = []
    const waiting = gate<Signals>()
    const { runner } = runnerOf({
      a: {
        collect: (_client, { fullSnapshot }) => {
          seen.push(fullSnapshot)
          return seen.length === 1 ? waiting.promise : Promise.resolve({})
        },
      },
    })
    const run = runner.run('a')
    const alone = runner.runFullSnapshot('a')
    expect(seen).toEqual([false])
    waiting.open({})
    await Promise.all([run, alone])
    await runner.run('a', { fullSnapshot: true })
    expect(seen).toEqual([false, true, true])
  })

  test('records no failure for a run that the stop interrupted', async () => {
    const { runner, stop } = runnerOf({ disks: { collect: () => new Promise(() => undefined) } })
    const run = runner.run('disks')
    stop.abort(new Error('stopped'))
    expect((await run).ok).toBe(false)
    expect(runner.gaps()).toEqual([])
    expect(runner.statuses()).toEqual({})
  })

  test('returns a failed run for an unknown collector', async () => {
    const { runner } = runnerOf({})
    expect((await runner.run('disks')).error).toBe('`example` has no collector `disks`')
  })

  test('logs once when a collector begins to fail and once when it recovers', async () => {
    let broken = true
    const { runner, log } = runnerOf({
      disks: {
        collect: async () => {
          if (broken) throw new Error('no permission for hunter2')
          return {}
        },
      },
    })
    await runner.run('disks')
    await runner.run('disks')
    broken = false
    await runner.run('disks')
    await runner.run('disks')
    expect(log.lines).toEqual([
      {
        level: 'warn',
        message: 'collector failed',
        fields: { collector: 'disks', error: 'no permission for [redacted]' },
      },
      { level: 'info', message: 'collector recovered', fields: { collector: 'disks' } },
    ])
  })
})

test('warns once while several collectors fail for the same reason', async () => {
  const collect = async () => Promise.reject(new Error('the engine does not answer'))
  const { runner, log } = runnerOf({ disks: { collect }, load: { collect }, memory: { collect } })
  for (const collector of ['disks', 'load', 'memory']) await runner.run(collector)
  expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
  expect(runner.gaps()).toHaveLength(3)
})

test('names a collector that still fails when the one of the warning has recovered', async () => {
  let isBroken = true
  const collect = async () => Promise.reject(new Error('the engine does not answer'))
  const recovering = async () => (isBroken ? collect() : {})
  const { runner, log } = runnerOf({ disks: { collect: recovering }, load: { collect } })
  for (const collector of ['disks', 'load']) await runner.run(collector)
  isBroken = false
  await runner.run('disks')
  expect(log.lines.slice(-2)).toMatchObject([
    { level: 'info', message: 'collector recovered', fields: { collector: 'disks' } },
    { level: 'warn', message: 'collector still fails', fields: { collector: 'load' } },
  ])
})

describe('a collector that is an async generator', () => {
  const values = (points: readonly Metric[]): number[] => points.map(({ value }) => value)

  test('has its points handed over, validated, while it runs', async () => {
    const received: number[] = []
    let isReading = true
    const load: StreamingCollector<Client> = {
      async *collect() {
        yield { metrics: [signals.load.point(1, host), undefined, { name: 'unknown' } as Metric] }
        yield { metrics: [signals.load.point(2, host)] }
        isReading = false
        yield {}
      },
    }
    const { runner } = runnerOf({ load })
    const run = await runner.run('load', {
      onMetrics: async (points) => {
        expect(isReading).toBe(true)
        received.push(...values(points))
      },
    })
    expect(received).toEqual([1, 2])
    expect(run.signals.metrics).toEqual([])
    expect(run).toMatchObject({ ok: false, error: expect.stringContaining('`unknown` is not declared') })
  })

  test('returns entities, events and gaps of all its results when it ends', async () => {
    const event = signals.rebooted.event({ at: new Date(0), entity: host, body: 'It was restarted.' })
    const inventory: StreamingCollector<Client> = {
      async *collect() {
        yield { entities: [signals.host.entity({ id: 'web-1' })], events: [event] }
        yield { entities: [signals.host.entity({ id: 'web-2' })], gaps: [{ scope: 'disks', reason: 'no permission' }] }
      },
    }
    const run = await runnerOf({ inventory }).runner.run('inventory')
    expect(run).toMatchObject({
      ok: true,
      signals: { entities: [{ id: 'web-1' }, { id: 'web-2' }], events: [event], gaps: [{ scope: 'disks' }] },
    })
  })

  test('resumes only when there is room for more points', async () => {
    const order: string[] = []
    const room = gate()
    const load: StreamingCollector<Client> = {
      async *collect() {
        yield { metrics: [signals.load.point(1, host)] }
        order.push('resumed')
      },
    }
    const running = runnerOf({ load }).runner.run('load', { onMetrics: () => room.promise })
    await vi.advanceTimersByTimeAsync(100)
    order.push('room')
    room.open()
    await running
    expect(order).toEqual(['room', 'resumed'])
  })

  test('keeps its points for a full snapshot', async () => {
    const load: StreamingCollector<Client> = {
      async *collect() {
        yield { metrics: [signals.load.point(1, host)] }
        yield { metrics: [signals.load.point(2, host)] }
      },
    }
    const run = await runnerOf({ load }).runner.runFullSnapshot('load')
    expect(values(run.signals.metrics)).toEqual([1, 2])
  })

  test('leaves its handed-over points sent when it fails, but returns no signals and keeps no state', async () => {
    const received: number[] = []
    const states: unknown[] = []
    const load: StreamingCollector<Client> = {
      async *collect(_client, { swapState }) {
        states.push(swapState('read'))
        yield { entities: [signals.host.entity({ id: 'web-1' })], metrics: [signals.load.point(1, host)] }
        throw new Error('connection lost')
      },
    }
    const { runner } = runnerOf({ load })
    const run = await runner.run('load', { onMetrics: async (points) => void received.push(...values(points)) })
    expect(received).toEqual([1])
    expect(run).toMatchObject({ ok: false, error: 'connection lost', signals: { entities: [], metrics: [] } })
    const snapshot = await runner.runFullSnapshot('load')
    expect(snapshot.signals.metrics).toEqual([])
    expect(states).toEqual([undefined, undefined])
  })

  test('may yield more entities at once than a call has room for arguments', async () => {
    const entities = Array.from({ length: 150_000 }, (_, index) => signals.host.entity({ id: `web-${index}` }))
    const hosts: StreamingCollector<Client> = {
      async *collect() {
        yield { entities }
      },
    }
    const run = await runnerOf({ hosts }).runner.run('hosts')
    expect(run.ok).toBe(true)
    expect(run.signals.entities).toHaveLength(150_000)
  })

  test('is closed at its timeout, and what it yields later is dropped', async () => {
    const received: number[] = []
    const waiting = gate()
    const late = gate()
    const closed = gate()
    const load: StreamingCollector<Client> = {
      async *collect() {
        try {
          yield { metrics: [signals.load.point(1, host)] }
          waiting.open()
          await late.promise
          yield { metrics: [signals.load.point(2, host)] }
        } finally {
          closed.open()
        }
      },
    }
    const { runner } = runnerOf({ load })
    const onMetrics = async (points: readonly Metric[]): Promise<void> => void received.push(...values(points))
    const running = runner.run('load', { onMetrics })
    // The first points may use up a time slice: until the generator is resumed, a timeout closes it at once.
    await waiting.promise
    const run = await afterTimeout(running)
    expect(run.error).toBe('it did not finish within 10 s')
    expect((await runner.run('load', { onMetrics })).error).toContain('previous run still in progress')
    late.open()
    await closed.promise
    await vi.advanceTimersByTimeAsync(0)
    expect(received).toEqual([1])
    expect((await runner.run('load', { onMetrics })).ok).toBe(true)
  })

  test.each(['the timeout', 'the stop'])('is closed at %s while its points are not taken', async (reason) => {
    const closed = gate()
    const load: StreamingCollector<Client> = {
      async *collect() {
        try {
          yield { metrics: [signals.load.point(1, host)] }
        } finally {
          closed.open()
        }
      },
    }
    const { runner, stop } = runnerOf({ load })
    const running = runner.run('load', { onMetrics: () => new Promise(() => undefined) })
    await vi.advanceTimersByTimeAsync(1)
    if (reason === 'the stop') stop.abort(new Error('stopped'))
    else await vi.advanceTimersByTimeAsync(10_000)
    expect(await running).toMatchObject({ ok: false, error: reason === 'the stop' ? 'stopped' : /within 10 s/ })
    await closed.promise
  })

  test('is closed when its points cannot be taken', async () => {
    const closed = vi.fn()
    const load: StreamingCollector<Client> = {
      async *collect() {
        try {
          yield { metrics: [signals.load.point(1, host)] }
        } finally {
          closed()
        }
      },
    }
    const run = await runnerOf({ load }).runner.run('load', { onMetrics: () => Promise.reject(new Error('no room')) })
    expect(run).toMatchObject({ ok: false, error: 'no room' })
    expect(closed).toHaveBeenCalledOnce()
  })

  test('may be any async iterable, also one without `return`', async () => {
    const chunks = [{ metrics: [signals.load.point(1, host)] }]
    const load: StreamingCollector<Client> = {
      collect: () => ({
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            const value = chunks.shift()
            return value === undefined ? { done: true, value: undefined } : { done: false, value }
          },
        }),
      }),
    }
    const run = await runnerOf({ load }).runner.run('load')
    expect(values(run.signals.metrics)).toEqual([1])
  })

  test('does not block the event loop, however much it yields without waiting', async () => {
    vi.useRealTimers()
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 0)
    const load: StreamingCollector<Client> = {
      async *collect() {
        for (let number = 0; number < 40; number += 1) {
          const until = performance.now() + 1
          while (performance.now() < until);
          yield {}
        }
      },
    }
    await runnerOf({ load }).runner.run('load')
    clearInterval(timer)
    expect(turns).toBeGreaterThan(1)
  })

  test('has a large result handed over in batches, and names each of its problems once', async () => {
    const sizes: number[] = []
    const points = Array.from({ length: 250 }, (_, value) => signals.load.point(value, host))
    const load: StreamingCollector<Client> = {
      async *collect() {
        const unknown = Array.from({ length: 200 }, (_, number) => ({ name: `x${number % 90}` }) as Metric)
        yield { metrics: [...points, ...unknown] }
      },
    }
    const { runner } = runnerOf({ load })
    const run = await runner.run('load', { onMetrics: async (batch) => void sizes.push(batch.length) })
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(250)
    expect(run.signals.problems).toHaveLength(50)
    expect(new Set(run.signals.problems).size).toBe(50)
  })

  test.each([
    ['a set of points', { metrics: new Set([signals.load.point(1, host)]) }, '`metrics` must be a list'],
    ['text', 'text', 'it returned string instead of signals'],
    ['an unknown field', { metric: [] }, 'it returned the unknown field `metric`'],
  ])('fails if it yields %s', async (_, chunk, problem) => {
    const load: StreamingCollector<Client> = {
      async *collect() {
        yield chunk as Signals
      },
    }
    const run = await runnerOf({ load }).runner.run('load')
    expect(run).toMatchObject({ ok: false, error: expect.stringContaining(problem) })
  })
})
