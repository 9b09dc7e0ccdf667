import { expect, test } from 'vitest'
import { type Client, exampleConnector, host, signals } from '../../../test/example-connector.ts'
import { gate } from '../../../test/gate.ts'
import { recordingLogger } from '../../../test/recording-logger.ts'
import type { Collector } from '../../connector/connector.ts'
import type { Metric, Signals } from '../../connector/signals.ts'
import { TimeoutError } from '../../errors/timeout-error.ts'
import { createSignalCheck } from '../validate/validate-signals.ts'
import { type Collection, createCollection } from './collector-runner.ts'

interface Setup {
  readonly collection: Collection
  readonly log: ReturnType<typeof recordingLogger>
  /** Lets so many seconds pass. */
  pass(seconds: number): void
  readonly stop: AbortController
}

function collectionOf(collectors: Record<string, Collector<Client>>): Setup {
  let time = Date.parse('2026-01-23T10:00:00.000Z')
  const stop = new AbortController()
  const log = recordingLogger()
  const collection = createCollection<Client>({
    connector: exampleConnector({ collectors }),
    client: { name: 'example' },
    check: createSignalCheck(signals),
    redact: (text) => text.replaceAll('hunter2', '[redacted]'),
    now: () => new Date(time),
    log,
    signal: stop.signal,
  })
  return {
    collection,
    log,
    pass: (seconds) => {
      time += seconds * 1000
    },
    stop,
  }
}

/** A collector that runs these one after the other. */
function inTurn(...runs: (() => Signals | Promise<Signals>)[]): Collector<Client> {
  return { collect: async () => (runs.shift() ?? ((): Signals => ({})))() }
}

const fail = (error: unknown) => (): Signals => {
  throw error
}

test('a collector gets the client and says what it saw', async () => {
  const load: Collector<Client> = {
    collect: async (client) => ({ metrics: [signals.load.point(client.name.length, host)] }),
  }
  const { collection } = collectionOf({ load })
  const run = await collection.run('load')
  expect(run).toMatchObject({ collector: 'load', ok: true, signals: { metrics: [{ value: 7 }] } })
  expect(collection.statuses()).toEqual({ load: { ok: true, duration_ms: expect.any(Number) } })
  expect(collection.gaps()).toEqual([])
  expect([...collection.failures()]).toEqual([])
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
])('a collector that throws %s is a gap and a status, and not an error', async (error, reason) => {
  const { collection } = collectionOf({ disks: inTurn(fail(error)), load: inTurn() })
  expect(await collection.run('disks')).toMatchObject({ ok: false, error: reason })
  expect(collection.gaps()).toEqual([{ scope: 'collector:disks', reason, since: '2026-01-23T10:00:00.000Z' }])
  expect(collection.statuses()).toMatchObject({ disks: { ok: false, error: reason } })
  expect(collection.failures().get('disks')).toBe(1)
  expect((await collection.run('load')).ok).toBe(true)
})

test('a collector that throws before it returns a promise is a failure like any other', async () => {
  const { collection } = collectionOf({ disks: { collect: fail(new Error('at once')) as never } })
  expect(await collection.run('disks')).toMatchObject({ ok: false, error: 'at once' })
})

test('what a collector says wrong is named, and the rest of it counts', async () => {
  const wrong = { ...signals.load.point(1, host)!, name: 'host.hunter2' }
  const { collection } = collectionOf({
    load: inTurn(() => ({ metrics: [wrong, signals.load.point(2, host), signals.load.point(Number.NaN, host)] })),
  })
  const run = await collection.run('load')
  expect(run.ok).toBe(false)
  expect(run.signals.metrics).toMatchObject([{ value: 2 }])
  expect(collection.gaps()[0]?.reason).toBe(
    'left out: the metric `host.[redacted]` is not declared in `signals`; the metric `host.load` has a value that is no finite number',
  )
})

test.each([undefined, null, 'text', [], { metrics: 5 }])('a collector that returns %j is a failure', async (value) => {
  const { collection } = collectionOf({ disks: inTurn(() => value as never) })
  expect((await collection.run('disks')).ok).toBe(false)
})

test('an endless reason is cut', async () => {
  const { collection } = collectionOf({ disks: inTurn(fail(new Error('x'.repeat(100_000)))) })
  expect((await collection.run('disks')).error).toHaveLength(2000)
})

test('a gap lasts from when it was first seen until it is seen no more', async () => {
  const part = (): Signals => ({ gaps: [{ scope: 'filesystem:/mnt', reason: 'no permission' }] })
  const { collection, pass } = collectionOf({
    disks: inTurn(fail(new Error('a')), fail(new Error('b')), part, part, () => ({}), fail(new Error('c'))),
  })
  const gaps = async (): Promise<string[]> => {
    await collection.run('disks')
    pass(15)
    return collection.gaps().map(({ scope, since }) => `${scope} ${since.slice(14, 19)}`)
  }
  expect(await gaps()).toEqual(['collector:disks 00:00'])
  expect(await gaps()).toEqual(['collector:disks 00:00'])
  expect(await gaps()).toEqual(['filesystem:/mnt 00:30'])
  expect(await gaps()).toEqual(['filesystem:/mnt 00:30'])
  expect(await gaps()).toEqual([])
  expect(await gaps()).toEqual(['collector:disks 01:15'])
  expect(collection.failures().get('disks')).toBe(3)
})

test('a gap may know better since when it is', async () => {
  const since = '2026-01-01T00:00:00.000Z'
  const { collection } = collectionOf({ disks: inTurn(() => ({ gaps: [{ scope: 'x', reason: 'hunter2', since }] })) })
  await collection.run('disks')
  expect(collection.gaps()).toEqual([{ scope: 'x', reason: '[redacted]', since }])
})

test('a collector has a deadline, and its signal says so', async () => {
  let given: AbortSignal | undefined
  const disks: Collector<Client> = {
    timeout: '5ms',
    collect: (_client, { signal }) => {
      given = signal
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
  }
  const { collection } = collectionOf({ disks })
  expect((await collection.run('disks')).error).toBe('it did not finish within 0.005 s')
  expect(given?.aborted).toBe(true)
  // It heeded the signal, so it may run again.
  expect((await collection.run('disks')).error).toBe('it did not finish within 0.005 s')
})

test('a collector that ignores its deadline is not started again before it has come back', async () => {
  const stuck = gate<Signals>()
  let starts = 0
  const disks: Collector<Client> = {
    timeout: '5ms',
    collect: () => {
      starts += 1
      return starts === 1 ? stuck.promise : Promise.resolve({})
    },
  }
  const { collection, pass } = collectionOf({ disks })
  expect((await collection.run('disks')).error).toBe('it did not finish within 0.005 s')
  pass(15)
  expect((await collection.run('disks')).error).toBe(
    'it has not come back since 2026-01-23T10:00:00.000Z; it is not run again before it does',
  )
  expect(starts).toBe(1)
  expect(collection.gaps()).toMatchObject([{ since: '2026-01-23T10:00:00.000Z' }])

  stuck.break(new Error('too late'))
  await stuck.promise.catch(() => undefined)
  expect((await collection.run('disks')).ok).toBe(true)
  expect(starts).toBe(2)
  expect(collection.gaps()).toEqual([])
})

test('a collector never runs beside itself: who asks meanwhile joins the run', async () => {
  const slow = gate<Signals>()
  let starts = 0
  const disks: Collector<Client> = {
    collect: () => {
      starts += 1
      return slow.promise
    },
  }
  const { collection } = collectionOf({ disks })
  const first = collection.run('disks')
  expect(collection.isRunning('disks')).toBe(true)
  const second = collection.run('disks')
  slow.open({})
  expect(await first).toBe(await second)
  expect(starts).toBe(1)
  expect(collection.isRunning('disks')).toBe(false)
})

test('a collector remembers its last reading, and only its own', async () => {
  const seen: unknown[] = []
  const counting = (reading: number): Collector<Client> => ({
    collect: async (_client, { swapState, now }) => {
      seen.push(swapState({ reading, at: now().toISOString().slice(11, 19) }))
      return {}
    },
  })
  const { collection, pass } = collectionOf({ a: counting(1), b: counting(2) })
  await collection.run('a')
  await collection.run('b')
  pass(1)
  await collection.run('a')
  expect(seen).toEqual([undefined, undefined, { reading: 1, at: '10:00:00' }])
  // Another agent has collected meanwhile.
  collection.forget()
  await collection.run('a')
  expect(seen.at(-1)).toBe(undefined)
})

test('what a run kept that failed is forgotten, since nobody got what it saw', async () => {
  const seen: unknown[] = []
  let runs = 0
  const { collection } = collectionOf({
    a: {
      collect: async (_client, { swapState }) => {
        runs += 1
        seen.push(swapState(runs))
        if (runs === 2) throw new Error('broken')
        return {}
      },
    },
  })
  for (let run = 0; run < 3; run += 1) await collection.run('a')
  expect(seen).toEqual([undefined, 1, 1])
})

test('what a run keeps that had begun before everything was forgotten is forgotten, too', async () => {
  const seen: unknown[] = []
  const waiting = gate<Signals>()
  const { collection } = collectionOf({
    a: {
      collect: (_client, { swapState }) => {
        seen.push(swapState('kept'))
        return seen.length === 1 ? waiting.promise : Promise.resolve({})
      },
    },
  })
  const run = collection.run('a')
  collection.forget()
  waiting.open({})
  await run
  await collection.run('a')
  expect(seen).toEqual([undefined, undefined])
})

test('a run that stands alone is told so, and joins none that does not', async () => {
  const seen: unknown[] = []
  const waiting = gate<Signals>()
  const { collection } = collectionOf({
    a: {
      collect: (_client, { fullSnapshot }) => {
        seen.push(fullSnapshot)
        return seen.length === 1 ? waiting.promise : Promise.resolve({})
      },
    },
  })
  const run = collection.run('a')
  const alone = collection.runAlone('a')
  expect(seen).toEqual([false])
  waiting.open({})
  await Promise.all([run, alone])
  await collection.run('a', { fullSnapshot: true })
  expect(seen).toEqual([false, true, true])
})

test('a run that stopping cuts short is no failure of what is watched', async () => {
  const { collection, stop } = collectionOf({ disks: { collect: () => new Promise(() => undefined) } })
  const run = collection.run('disks')
  stop.abort(new Error('stopped'))
  expect((await run).ok).toBe(false)
  expect(collection.gaps()).toEqual([])
  expect(collection.statuses()).toEqual({})
})

test('a collector that does not exist is an answer too', async () => {
  const { collection } = collectionOf({})
  expect((await collection.run('disks')).error).toBe('`disks` is no collector of `example`')
})

test('a collector that begins or ceases to fail is told in the log, once', async () => {
  let broken = true
  const { collection, log } = collectionOf({
    disks: {
      collect: async () => {
        if (broken) throw new Error('no permission for hunter2')
        return {}
      },
    },
  })
  await collection.run('disks')
  await collection.run('disks')
  broken = false
  await collection.run('disks')
  await collection.run('disks')
  expect(log.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'warn: the collector `disks` fails: no permission for [redacted]',
    'info: the collector `disks` works again',
  ])
})

test('what is told while others are read goes on at once, checked', async () => {
  const told: number[] = []
  let isReading = true
  const load: Collector<Client> = {
    collect: async (_client, { tell }) => {
      await tell([signals.load.point(1, host), undefined, { name: 'unknown' } as Metric])
      await tell([signals.load.point(2, host)])
      isReading = false
      return { metrics: [signals.load.point(3, host)] }
    },
  }
  const { collection } = collectionOf({ load })
  const run = await collection.run('load', {
    tell: async (points) => {
      expect(isReading).toBe(true)
      told.push(...points.map(({ value }) => value))
    },
  })
  expect(told).toEqual([1, 2])
  expect(run.signals.metrics.map(({ value }) => value)).toEqual([3])
  expect(run).toMatchObject({ ok: false, error: expect.stringContaining('`unknown` is not declared') })
})

test('what a run tells that stands alone is part of what it says', async () => {
  const load: Collector<Client> = {
    collect: async (_client, { tell }) => {
      await tell([signals.load.point(1, host)])
      return { metrics: [signals.load.point(2, host)] }
    },
  }
  const { collection } = collectionOf({ load })
  const run = await collection.runAlone('load')
  expect(run.signals.metrics.map(({ value }) => value)).toEqual([1, 2])
})

test.each([
  ['the deadline', '1ms' as const, TimeoutError],
  ['the run has failed', '10s' as const, Error],
])('nothing is told after %s', async (_, deadline, error) => {
  const told: unknown[] = []
  const late = gate()
  const refused = gate<unknown>()
  const load: Collector<Client> = {
    timeout: deadline,
    collect: async (_client, { tell }) => {
      void late.promise.then(() => tell([signals.load.point(1, host)])).catch(refused.open)
      if (deadline !== '1ms') throw new Error('it broke')
      await late.promise
      return {}
    },
  }
  const { collection } = collectionOf({ load })
  const run = await collection.run('load', { tell: async (points) => void told.push(...points) })
  expect(run).toMatchObject({ ok: false })
  late.open()
  expect(await refused.promise).toBeInstanceOf(error)
  expect(told).toEqual([])
})

test('however many are told at once, they go on some at a time, and no problem is named twice', async () => {
  const sizes: number[] = []
  const points = Array.from({ length: 250 }, (_, value) => signals.load.point(value, host))
  const load: Collector<Client> = {
    collect: async (_client, { tell }) => {
      await tell([...points, ...Array.from({ length: 200 }, (_, number) => ({ name: `x${number % 90}` }) as Metric)])
      return {}
    },
  }
  const { collection } = collectionOf({ load })
  const { signals: said } = await collection.run('load', { tell: async (some) => void sizes.push(some.length) })
  expect(Math.max(...sizes)).toBeLessThanOrEqual(100)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(250)
  expect(said.problems).toHaveLength(50)
  expect(new Set(said.problems).size).toBe(50)
})

test('what is told and is no list is a problem of the run', async () => {
  const load: Collector<Client> = {
    collect: async (_client, { tell }) => {
      await tell(new Set([signals.load.point(1, host)]) as unknown as Metric[])
      return {}
    },
  }
  const run = await collectionOf({ load }).collection.run('load')
  expect(run).toMatchObject({ ok: false, error: expect.stringContaining('no list') })
})
