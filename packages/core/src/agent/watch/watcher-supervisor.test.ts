import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Client, exampleConnector, host, signals } from '../../../test/example-connector.ts'
import { gate } from '../../../test/gate.ts'
import { recordingLogger } from '../../../test/recording-logger.ts'
import type { WatchContext } from '../../connector/connector.ts'
import { createMemoryState, type StateStore } from '../../state/state-store.ts'
import { createSignalValidator, type ValidatedSignals } from '../validate/validate-signals.ts'
import { createCursorStore } from './cursor-store.ts'
import { createWatcherSupervisor, type WatcherSupervisor } from './watcher-supervisor.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  vi.spyOn(Math, 'random').mockReturnValue(1)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const at = new Date('2026-01-23T10:00:00.000Z')
const rebooted = signals.rebooted.event({ at, entity: host, body: 'It was restarted.' })

interface Setup {
  readonly watching: WatcherSupervisor
  readonly emitted: ValidatedSignals[]
  readonly log: ReturnType<typeof recordingLogger>
  readonly stop: AbortController
}

/** Runs one watcher whose starts are these functions, one after the other; a further start waits until it is stopped. */
function watchingOf(
  runs: ((context: WatchContext) => Promise<void>)[],
  state: StateStore = createMemoryState(),
): Setup {
  const emitted: ValidatedSignals[] = []
  const log = recordingLogger()
  const stop = new AbortController()
  const idle = ({ signal }: WatchContext): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
  const watching = createWatcherSupervisor<Client>({
    connector: exampleConnector({
      watchers: { events: { watch: (_client, context) => (runs.shift() ?? idle)(context) } },
    }),
    client: { name: 'example' },
    cursors: createCursorStore(state, 'agent-1', log),
    validator: createSignalValidator(signals),
    redact: (text) => text.replaceAll('hunter2', '[redacted]'),
    now: () => at,
    log,
    emit: (said) => void emitted.push(said),
  })
  return { watching, emitted, log, stop }
}

const fail = (message: string) => async (): Promise<void> => {
  throw new Error(message)
}

test('what a watcher sees is sent on at once', async () => {
  const { watching, emitted, stop } = watchingOf([
    async ({ emit, signal }) => {
      emit({ events: [rebooted, undefined] })
      expect(signal.aborted).toBe(false)
    },
  ])
  await watching.run(stop.signal)
  expect(emitted).toMatchObject([{ events: [rebooted], problems: [] }])
})

test('a watcher cannot say by `gaps` what it does not see, and is told so', async () => {
  const { watching, emitted, stop } = watchingOf([
    async ({ emit, signal }) => {
      emit({ events: [rebooted], gaps: [{ scope: 'pods', reason: 'no permission' }] } as never)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  ])
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  expect(emitted).toMatchObject([{ events: [rebooted] }])
  expect(watching.gaps()).toMatchObject([{ scope: 'watcher:events', reason: expect.stringContaining('by rejecting') }])
  stop.abort()
  await running
})

test('a watcher that resolves has nothing more to say, and is healthy', async () => {
  const { watching, stop, log } = watchingOf([async () => undefined])
  await watching.run(stop.signal)
  expect(watching.statuses()).toEqual({ events: { ok: true } })
  expect(watching.gaps()).toEqual([])
  expect(log.lines).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

test('a watcher that fails is started again later and later, and is a gap meanwhile', async () => {
  const starts: number[] = []
  const failing = Array.from({ length: 8 }, (_, index) => async (): Promise<void> => {
    starts.push(performance.now())
    throw new Error(`failed with hunter2 ${index}`)
  })
  const { watching, stop, log } = watchingOf(failing)
  const begin = performance.now()
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  expect(watching.gaps()).toEqual([
    { scope: 'watcher:events', reason: 'failed with [redacted] 0', since: at.toISOString() },
  ])
  expect(watching.statuses()).toEqual({ events: { ok: false, error: 'failed with [redacted] 0' } })
  await vi.advanceTimersByTimeAsync(190_000)
  const seconds = starts.map((start) => Math.round((start - begin) / 1000))
  expect(seconds).toEqual([0, 1, 3, 7, 15, 31, 63, 123])
  expect(log.lines).toHaveLength(8)
  expect(log.lines[1]).toMatchObject({ level: 'warn', fields: { failures: 2, restart_in_ms: 2000 } })
  stop.abort()
  await running
})

test('the gap stays while a watcher waits to be started again', async () => {
  const lasting = (): Promise<void> =>
    new Promise((_resolve, reject) => setTimeout(() => reject(new Error('broken late')), 30_000))
  const { watching, stop } = watchingOf([...Array.from({ length: 6 }, () => fail('broken')), lasting])
  const running = watching.run(stop.signal)
  // The seventh start is at 63 s, fails at 93 s and is followed by an eighth at 153 s.
  await vi.advanceTimersByTimeAsync(94_000)
  for (let second = 94; second < 153; second += 1) {
    expect(watching.gaps()).toMatchObject([{ reason: 'broken late' }])
    await vi.advanceTimersByTimeAsync(1000)
  }
  stop.abort()
  await running
})

test('a watcher that was started again and keeps running is healthy after a minute, and counts its failures anew', async () => {
  const second = gate()
  const { watching, stop, log } = watchingOf([fail('a'), () => second.promise, fail('c')])
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(1000 + 59_000)
  expect(watching.gaps()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1000)
  expect(watching.gaps()).toEqual([])
  second.break(new Error('b'))
  await vi.advanceTimersByTimeAsync(0)
  expect(watching.gaps()).toMatchObject([{ reason: 'b' }])
  expect(log.lines.map(({ fields }) => fields.failures)).toEqual([1, 1])
  stop.abort()
  await running
})

test('something to say is a sign of health', async () => {
  const speak = gate()
  const { watching, stop } = watchingOf([
    fail('a'),
    async ({ emit, signal }) => {
      await speak.promise
      emit({ events: [rebooted] })
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
  ])
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(1500)
  expect(watching.gaps()).toHaveLength(1)
  speak.open()
  await vi.advanceTimersByTimeAsync(0)
  expect(watching.gaps()).toEqual([])
  stop.abort()
  await running
})

test('what a watcher says wrong is a gap of bounded length, and the rest of it counts', async () => {
  const { watching, emitted, stop } = watchingOf([
    async ({ emit, signal }) => {
      emit({ events: [{ ...rebooted, name: 'hunter2' }, rebooted], metrics: 5 as never })
      emit(null as never)
      emit({ events: Array.from({ length: 100 }, (_, index) => ({ ...rebooted, name: `x${index}`.repeat(50) })) })
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
  ])
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  expect(emitted[0]?.events).toEqual([rebooted])
  expect(emitted[0]?.problems).toContain('the event `hunter2` is not declared in `signals`')
  expect(watching.gaps()[0]?.reason).toMatch(/^left out: /)
  expect(watching.gaps()[0]?.reason).toHaveLength(2000)
  expect(JSON.stringify(watching.statuses())).not.toContain('hunter2')
  stop.abort()
  await running
})

test('a watcher is started again from the cursor that it saved last', async () => {
  const seen: (string | undefined)[] = []
  const run =
    (save?: string) =>
    async (context: WatchContext): Promise<void> => {
      seen.push(context.cursor)
      if (save !== undefined) await context.saveCursor(save)
      throw new Error('the stream broke')
    }
  const state = createMemoryState()
  const first = watchingOf([run('a'), run('b'), run()], state)
  const running = first.watching.run(first.stop.signal)
  await vi.advanceTimersByTimeAsync(10_000)
  first.stop.abort()
  await running

  const second = watchingOf([run()], state)
  const again = second.watching.run(second.stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  second.stop.abort()
  await again
  expect(seen).toEqual([undefined, 'a', 'b', 'b'])
})

test('a disk that cannot be written costs a watcher nothing but the next run’s cursor', async () => {
  const seen: (string | undefined)[] = []
  const write = async (): Promise<never> => {
    throw new Error('read-only file system')
  }
  const { watching, stop, log } = watchingOf(
    [
      async ({ saveCursor }) => {
        await saveCursor('a')
        await saveCursor('b')
        throw new Error('the stream broke')
      },
      async ({ cursor }) => void seen.push(cursor),
    ],
    { read: async () => undefined, write },
  )
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(1000)
  await running
  expect(seen).toEqual(['b'])
  expect(log.messages('warn').filter((message) => message.startsWith('cursor not saved'))).toHaveLength(1)
})

test('a cursor that cannot be read costs no events: the watcher begins anew, and the log says so', async () => {
  const read = async (): Promise<never> => {
    throw new Error('permission denied')
  }
  const cursors: unknown[] = []
  const keep = async ({ cursor, emit }: WatchContext): Promise<void> => {
    cursors.push(cursor)
    emit({ events: [rebooted] })
  }
  const { watching, emitted, log, stop } = watchingOf([keep], { read, write: async () => undefined })
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  expect(cursors).toEqual([undefined])
  expect(emitted).toMatchObject([{ events: [rebooted] }])
  expect(watching.gaps()).toEqual([])
  expect(log.lines[0]).toMatchObject({
    level: 'warn',
    message: 'saved cursor not readable: the watcher starts from scratch',
    fields: { error: 'permission denied' },
  })
  stop.abort()
  await running
})

test('stopping ends a watcher’s sleep, and the wait for its next start', async () => {
  let slept: unknown
  const { watching, stop } = watchingOf([
    async ({ sleep }) => {
      await sleep('5s')
      await sleep('7d').catch((error: unknown) => {
        slept = error
        throw error
      })
    },
  ])
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(6000)
  stop.abort(new Error('stopped'))
  await running
  expect(slept).toMatchObject({ message: 'stopped' })

  const failing = watchingOf([fail('a')])
  const waiting = failing.watching.run(failing.stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  failing.stop.abort()
  await waiting
  expect(vi.getTimerCount()).toBe(0)
})

test('a stream that was left open says nothing more once its watcher has ended', async () => {
  let late: WatchContext['emit'] = () => undefined
  const { watching, emitted, stop } = watchingOf([
    async ({ emit }) => {
      late = emit
      throw new Error('gone')
    },
    async () => undefined,
  ])
  const running = watching.run(stop.signal)
  await vi.advanceTimersByTimeAsync(1000)
  await running
  late({ events: [rebooted] })
  expect(emitted).toEqual([])
})
