import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Client, exampleConnector, host, signals } from '../../../test/example-connector.ts'
import { gate } from '../../../test/gate.ts'
import { recordingLogger } from '../../../test/recording-logger.ts'
import type { WatchContext } from '../../connector/connector.ts'
import { createMemoryState, type StateStore } from '../../state/state-store.ts'
import { createSignalValidator, type ValidatedSignals } from '../validate/validate-signals.ts'
import { type CursorStore, createCursorStore } from './cursor-store.ts'
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
  readonly supervisor: WatcherSupervisor
  readonly cursors: CursorStore
  readonly emitted: ValidatedSignals[]
  readonly log: ReturnType<typeof recordingLogger>
  readonly stop: AbortController
}

/**
 * Runs one watcher whose starts are these functions, one after the other; a further start waits until it is stopped.
 */
function supervisorOf(
  runs: ((context: WatchContext) => Promise<void>)[],
  state: StateStore = createMemoryState(),
): Setup {
  const emitted: ValidatedSignals[] = []
  const log = recordingLogger()
  const stop = new AbortController()
  const cursors = createCursorStore(state, 'agent-1', log)
  const idle = ({ signal }: WatchContext): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
  const supervisor = createWatcherSupervisor<Client>({
    connector: exampleConnector({
      watchers: { events: { watch: (_client, context) => (runs.shift() ?? idle)(context) } },
    }),
    client: { name: 'example' },
    cursors,
    validator: createSignalValidator(signals),
    redact: (text) => text.replaceAll('hunter2', '[redacted]'),
    now: () => at,
    log,
    emit: (said) => void emitted.push(said),
  })
  return { supervisor, cursors, emitted, log, stop }
}

/** Runs a watcher that fails, and emits an event once it is restarted. */
async function recovered(onFailed: (supervisor: WatcherSupervisor) => void = () => undefined) {
  const emitting = async ({ emit, signal }: WatchContext): Promise<void> => {
    emit({ events: [rebooted] })
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
  const made = supervisorOf([fail('closed'), emitting])
  const running = made.supervisor.run(made.stop.signal)
  await vi.advanceTimersByTimeAsync(0)
  onFailed(made.supervisor)
  await vi.advanceTimersByTimeAsync(1000)
  return { ...made, running }
}

const fail = (message: string) => async (): Promise<void> => {
  throw new Error(message)
}

describe('WatcherSupervisor', () => {
  test('passes emitted signals on at once', async () => {
    const { supervisor, emitted, stop } = supervisorOf([
      async ({ emit, signal }) => {
        emit({ events: [rebooted, undefined] })
        expect(signal.aborted).toBe(false)
      },
    ])
    await supervisor.run(stop.signal)
    expect(emitted).toMatchObject([{ events: [rebooted], problems: [] }])
  })

  test('rejects emitted gaps with an explanation', async () => {
    const { supervisor, emitted, stop } = supervisorOf([
      async ({ emit, signal }) => {
        emit({ events: [rebooted], gaps: [{ scope: 'pods', reason: 'no permission' }] } as never)
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    ])
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    expect(emitted).toMatchObject([{ events: [rebooted] }])
    expect(supervisor.gaps()).toMatchObject([
      { scope: 'watcher:events', reason: expect.stringContaining('by rejecting') },
    ])
    stop.abort()
    await running
  })

  test('treats a watcher that resolves as ended and healthy', async () => {
    const { supervisor, stop, log } = supervisorOf([async () => undefined])
    await supervisor.run(stop.signal)
    expect(supervisor.statuses()).toEqual({ events: { ok: true, ended: true } })
    expect(supervisor.gaps()).toEqual([])
    expect(log.lines).toMatchObject([{ level: 'info', message: 'watcher ended' }])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('restarts a failed watcher with growing waits, and reports a gap meanwhile', async () => {
    const starts: number[] = []
    const failing = Array.from({ length: 8 }, (_, index) => async (): Promise<void> => {
      starts.push(performance.now())
      throw new Error(`failed with hunter2 ${index}`)
    })
    const { supervisor, stop, log } = supervisorOf(failing)
    const begin = performance.now()
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    expect(supervisor.gaps()).toEqual([
      { scope: 'watcher:events', reason: 'failed with [redacted] 0', since: at.toISOString() },
    ])
    expect(supervisor.statuses()).toEqual({ events: { ok: false, error: 'failed with [redacted] 0' } })
    await vi.advanceTimersByTimeAsync(190_000)
    const seconds = starts.map((start) => Math.round((start - begin) / 1000))
    expect(seconds).toEqual([0, 1, 3, 7, 15, 31, 63, 123])
    expect(log.lines).toHaveLength(8)
    expect(log.lines[1]).toMatchObject({ level: 'warn', fields: { failures: 2, restart_in_ms: 2000 } })
    stop.abort()
    await running
  })

  test('keeps the gap while a watcher waits for its restart', async () => {
    const lasting = (): Promise<void> =>
      new Promise((_resolve, reject) => setTimeout(() => reject(new Error('broken late')), 30_000))
    const { supervisor, stop } = supervisorOf([...Array.from({ length: 6 }, () => fail('broken')), lasting])
    const running = supervisor.run(stop.signal)
    // The seventh start is at 63 s, fails at 93 s and is followed by an eighth at 153 s.
    await vi.advanceTimersByTimeAsync(94_000)
    for (let second = 94; second < 153; second += 1) {
      expect(supervisor.gaps()).toMatchObject([{ reason: 'broken late' }])
      await vi.advanceTimersByTimeAsync(1000)
    }
    stop.abort()
    await running
  })

  test('keeps a gap that ends before a report contains it until the next report', async () => {
    const { supervisor, stop, running } = await recovered()
    expect(supervisor.gaps()).toEqual([])
    const [since, until] = [at.toISOString(), at.toISOString()]
    expect(supervisor.takeGaps()).toEqual([{ scope: 'watcher:events', reason: 'closed', since, until }])
    expect(supervisor.takeGaps()).toEqual([])
    stop.abort()
    await running
  })

  test('does not keep an ended gap that a report contained while it was open', async () => {
    const { supervisor, stop, running } = await recovered((open) => expect(open.takeGaps()).toHaveLength(1))
    expect(supervisor.takeGaps()).toEqual([])
    stop.abort()
    await running
  })

  test('does not keep a gap that ended while another agent reported', async () => {
    const { supervisor, stop, running } = await recovered()
    supervisor.discardEndedGaps()
    expect(supervisor.takeGaps()).toEqual([])
    stop.abort()
    await running
  })

  test('treats a restarted watcher as recovered after a minute, and resets its failure count', async () => {
    const second = gate()
    const { supervisor, stop, log } = supervisorOf([fail('a'), () => second.promise, fail('c')])
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(1000 + 59_000)
    expect(supervisor.gaps()).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(supervisor.gaps()).toEqual([])
    second.break(new Error('b'))
    await vi.advanceTimersByTimeAsync(0)
    expect(supervisor.gaps()).toMatchObject([{ reason: 'b' }])
    expect(log.lines.map(({ fields }) => fields.failures)).toEqual([1, 1])
    stop.abort()
    await running
  })

  test('treats an emitting watcher as recovered', async () => {
    const speak = gate()
    const { supervisor, stop } = supervisorOf([
      fail('a'),
      async ({ emit, signal }) => {
        await speak.promise
        emit({ events: [rebooted] })
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      },
    ])
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(1500)
    expect(supervisor.gaps()).toHaveLength(1)
    speak.open()
    await vi.advanceTimersByTimeAsync(0)
    expect(supervisor.gaps()).toEqual([])
    stop.abort()
    await running
  })

  test('reports invalid signals as a gap of bounded length, and keeps the valid ones', async () => {
    const { supervisor, emitted, stop } = supervisorOf([
      async ({ emit, signal }) => {
        emit({ events: [{ ...rebooted, name: 'hunter2' }, rebooted], metrics: 5 as never })
        emit(null as never)
        emit({ events: Array.from({ length: 100 }, (_, index) => ({ ...rebooted, name: `x${index}`.repeat(50) })) })
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      },
    ])
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    expect(emitted[0]?.events).toEqual([rebooted])
    expect(emitted[0]?.problems).toContain('the event `hunter2` is not declared in `signals`')
    expect(supervisor.gaps()[0]?.reason).toMatch(/^left out: /)
    expect(supervisor.gaps()[0]?.reason).toHaveLength(2000)
    expect(JSON.stringify(supervisor.statuses())).not.toContain('hunter2')
    stop.abort()
    await running
  })

  test('restarts a watcher from its last cursor', async () => {
    const seen: (string | undefined)[] = []
    const run =
      (save?: string) =>
      async (context: WatchContext): Promise<void> => {
        seen.push(context.cursor)
        if (save !== undefined) await context.saveCursor(save)
        throw new Error('the stream broke')
      }
    const state = createMemoryState()
    const first = supervisorOf([run('a'), run('b'), run()], state)
    const running = first.supervisor.run(first.stop.signal)
    await vi.advanceTimersByTimeAsync(10_000)
    first.stop.abort()
    await running
    await first.cursors.take()()

    const second = supervisorOf([run()], state)
    const again = second.supervisor.run(second.stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    second.stop.abort()
    await again
    expect(seen).toEqual([undefined, 'a', 'b', 'b'])
  })

  test('keeps cursors in memory if they cannot be written', async () => {
    const seen: (string | undefined)[] = []
    const write = async (): Promise<never> => {
      throw new Error('read-only file system')
    }
    const { supervisor, cursors, stop, log } = supervisorOf(
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
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(1000)
    await running
    expect(seen).toEqual(['b'])
    await cursors.take()()
    await cursors.take()()
    expect(log.messages('warn').filter((message) => message.startsWith('cursor not saved'))).toHaveLength(1)
  })

  test('starts a watcher without a cursor if the saved one cannot be read, and logs it', async () => {
    const read = async (): Promise<never> => {
      throw new Error('permission denied')
    }
    const cursors: unknown[] = []
    const keep = async ({ cursor, emit }: WatchContext): Promise<void> => {
      cursors.push(cursor)
      emit({ events: [rebooted] })
    }
    const { supervisor, emitted, log, stop } = supervisorOf([keep], { read, write: async () => undefined })
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    expect(cursors).toEqual([undefined])
    expect(emitted).toMatchObject([{ events: [rebooted] }])
    expect(supervisor.gaps()).toEqual([])
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      message: 'saved cursor not readable: the watcher starts from scratch',
      fields: { error: 'permission denied' },
    })
    stop.abort()
    await running
  })

  test('interrupts a watcher’s sleep and the wait for its restart on stop', async () => {
    let slept: unknown
    const { supervisor, stop } = supervisorOf([
      async ({ sleep }) => {
        await sleep('5s')
        await sleep('7d').catch((error: unknown) => {
          slept = error
          throw error
        })
      },
    ])
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(6000)
    stop.abort(new Error('stopped'))
    await running
    expect(slept).toMatchObject({ message: 'stopped' })

    const failing = supervisorOf([fail('a')])
    const waiting = failing.supervisor.run(failing.stop.signal)
    await vi.advanceTimersByTimeAsync(0)
    failing.stop.abort()
    await waiting
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ignores what a stream emits after its watcher has ended', async () => {
    let late: WatchContext['emit'] = () => undefined
    const { supervisor, emitted, stop } = supervisorOf([
      async ({ emit }) => {
        late = emit
        throw new Error('connection lost')
      },
      async () => undefined,
    ])
    const running = supervisor.run(stop.signal)
    await vi.advanceTimersByTimeAsync(1000)
    await running
    late({ events: [rebooted] })
    expect(emitted).toEqual([])
  })
})
