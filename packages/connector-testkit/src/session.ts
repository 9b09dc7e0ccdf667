import { parseConfig, type RawConfig } from '@rca/core'
import type { Connector, Signals } from '@rca/core/connector'
import {
  createCollectorRunner,
  createEventLoopMonitor,
  createSignalValidator,
  type ValidatedSignals,
} from '@rca/core/testing'
import { connectContext } from './connect-context.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { measureLongestTurn } from './process-monitor.ts'
import { recordingLogger } from './recording-logger.ts'
import type { Scenario, ScenarioSystem } from './scenario.ts'
import { watchContext } from './watch-context.ts'

/** One run of one collector. */
export interface CollectorRecord {
  readonly signals: ValidatedSignals
  /** Why the collector failed. Absent if it returned signals. */
  readonly error?: string
  /** CPU time of the longest turn of the event loop. */
  readonly longestTurnMs: number
}

/** One run of every collector, by its name. */
export type Round = ReadonlyMap<string, CollectorRecord>

/** Record of a watcher until it was aborted. */
export interface WatcherRecord {
  readonly signals: ValidatedSignals
  readonly cursors: readonly string[]
  /** `running`: until it was aborted. */
  readonly end: 'running' | 'resolved' | 'rejected'
  readonly error?: unknown
  /** True if it settled after the abort. */
  readonly obeyedAbort: boolean
}

/** Options of `openSession`. */
export interface SessionOptions {
  readonly connector: Connector
  readonly scenario: Scenario
  /** Absent if `options` lead to a running system. */
  readonly system?: ScenarioSystem | undefined
  readonly patienceMs: number
}

/** An open client of a connector, and the agent's side of it. */
export interface CheckSession {
  readonly client: unknown
  readonly clock: ManualClock
  /** Returns the lines of the connector's log, as JSON. */
  readonly logged: () => readonly string[]
  identify(): ReturnType<Connector['identify']>
  /** Runs every collector, one after the other, and moves the clock. */
  round(): Promise<Round>
  /** Runs every watcher until each has emitted something or waits. */
  watch(options?: WatchOptions): Promise<ReadonlyMap<string, WatcherRecord>>
  /** Disconnects. Waits a limited time, and ignores a failure. */
  disconnect(): Promise<void>
}

/** Options of a session's `watch`. */
export interface WatchOptions {
  /** Saved cursors, by watcher. */
  readonly cursors?: ReadonlyMap<string, string>
  /** Called once every watcher has started. */
  readonly act?: (() => void | Promise<void>) | undefined
  /** Waits for so many events of all watchers together, or for one of each name. @default one of each watcher */
  readonly actEvents?: number | readonly string[] | undefined
  /** Waits for the end of every watcher instead of its events. @default false */
  readonly untilEnd?: boolean
}

const DEFAULT_INTERVAL_MS = 15_000

/** Time for watchers of a system that does nothing. */
const QUIET_WATCH_MS = 400

/** Sleeps after which a watcher counts as polling. */
const POLLS = 3

/** Sleeps in which a watcher that polls may notice what a system did that says how many events follow. */
const MAX_POLLS = 20

/** Returns the options of a scenario as an operator writes them. */
export function optionsOf({ scenario, system }: Pick<SessionOptions, 'scenario' | 'system'>): RawConfig {
  return { ...scenario.options, ...system?.options }
}

/** Thrown by `openSession`, with the error of `connect` as its cause. */
export class NotConnectedError extends Error {}

/** Connects. @throws {NotConnectedError} */
export async function openSession(options: SessionOptions, signal?: AbortSignal): Promise<CheckSession> {
  const { connector, scenario, patienceMs } = options
  const { config } = parseConfig(connector, optionsOf(options))
  const context = connectContext(config, signal)
  const clock = manualClock(scenario.at ?? new Date())
  const client = await Promise.resolve()
    .then(() => connector.connect(context))
    .catch((cause: unknown) => {
      throw new NotConnectedError('`connect` failed', { cause })
    })
  const validator = createSignalValidator(connector.signals, (text) => text, clock.now)
  const runner = createCollectorRunner<unknown>({
    connector,
    client,
    validator,
    redact: (text) => text,
    now: clock.now,
    log: recordingLogger(),
    signal: new AbortController().signal,
    // `COL-yields` measures CPU time: a busy machine must not look like a blocked event loop.
    monitor: createEventLoopMonitor({ now: () => 0, cpuMs: () => 0 }),
  })
  return {
    client,
    clock,
    logged: () => context.log.lines.map((line) => JSON.stringify(line)),
    identify: () => connector.identify(client, { signal: new AbortController().signal, now: clock.now }),
    round: async () => {
      const round = new Map<string, CollectorRecord>()
      for (const name of Object.keys(connector.collectors)) {
        const { result, longestTurnMs } = await measureLongestTurn(() => runner.runFullSnapshot(name))
        const { signals, error } = result
        const failed = error === undefined || signals.problems.length > 0 ? {} : { error }
        round.set(name, { signals, longestTurnMs, ...failed })
      }
      clock.advance(`${scenario.intervalMs ?? DEFAULT_INTERVAL_MS}ms`)
      return round
    },
    watch: (watchOptions = {}) => watchAll(connector, client, clock, validator.validate, patienceMs, watchOptions),
    disconnect: async () => {
      // `DIS-ends` reports a failure.
      await settlesWithin(
        Promise.resolve().then(() => connector.disconnect?.(client)),
        patienceMs,
      )
    },
  }
}

/** Returns the lists of all collectors of a round, one after the other. */
export function signalsOf(round: Round): ValidatedSignals {
  const all = [...round.values()].map(({ signals }) => signals)
  return {
    entities: all.flatMap(({ entities }) => entities),
    metrics: all.flatMap(({ metrics }) => metrics),
    events: all.flatMap(({ events }) => events),
    gaps: all.flatMap(({ gaps }) => gaps),
    unread: all.flatMap(({ unread }) => unread),
    problems: all.flatMap(({ problems }) => problems),
  }
}

interface RunningWatcher {
  readonly name: string
  readonly context: ReturnType<typeof watchContext>
  readonly done: Promise<void>
  /** True once it has called `sleep`. */
  isAsleep: boolean
  end: WatcherRecord['end']
  error?: unknown
}

async function watchAll(
  connector: Connector,
  client: unknown,
  clock: ManualClock,
  validate: (signals: Signals) => ValidatedSignals,
  patienceMs: number,
  { cursors, act, actEvents, untilEnd = false }: WatchOptions,
): Promise<ReadonlyMap<string, WatcherRecord>> {
  const wake = waker()
  const acted = gate()
  const waitsForEvents = actEvents !== undefined && !untilEnd
  const polls = waitsForEvents ? MAX_POLLS : POLLS
  const running = Object.entries(connector.watchers ?? {}).map(([name, watcher]) => {
    const cursor = cursors?.get(name)
    const context = watchContext({
      clock: manualClock(clock.now()),
      cursor,
      steps: Array.from({ length: polls }, () => wake.now),
      // The context records the signals after this call.
      onEmit: () => queueMicrotask(wake.now),
    })
    const one: RunningWatcher = { name, context, end: 'running', isAsleep: false, done: Promise.resolve() }
    const sleep: typeof context.sleep = async (duration) => {
      one.isAsleep = true
      wake.now()
      await Promise.race([
        context.sleeps.length < polls ? acted.opened : new Promise(() => undefined),
        aborted(context),
      ])
      // A turn of the event loop delivers changes, such as those of files.
      await new Promise((resolve) => setImmediate(resolve))
      await context.sleep(duration)
    }
    const done = Promise.resolve()
      .then(() => watcher.watch(client, waitsForEvents ? { ...context, sleep } : context))
      .then(
        () => end(one, 'resolved'),
        (error: unknown) => end(one, 'rejected', error),
      )
      .finally(wake.now)
    return Object.assign(one, { done })
  })
  // Watchers that open a stream do so in their first turns.
  await new Promise((resolve) => setImmediate(resolve))
  // Watchers that poll have read a first state when they sleep.
  if (waitsForEvents)
    await wake.until(() => running.every(({ end, isAsleep }) => isAsleep || end !== 'running'), QUIET_WATCH_MS)
  await act?.()
  acted.open()
  const isOver = ({ context, end }: RunningWatcher): boolean =>
    end !== 'running' ||
    (!untilEnd && !waitsForEvents && (context.emitted.length > 0 || context.sleeps.length >= POLLS))
  const hasAllEvents = (): boolean => waitsForEvents && hasEvents(running, actEvents)
  const timeoutMs = untilEnd || act !== undefined ? patienceMs : QUIET_WATCH_MS
  await wake.until(() => running.every(isOver) || hasAllEvents(), timeoutMs)
  for (const { context } of running) context.abort()
  const obeyed = await Promise.all(running.map(({ done }) => settlesWithin(done, patienceMs)))
  return new Map(
    running.map(({ name, context, end, error }, index) => [
      name,
      {
        signals: merged(context.emitted.map(validate)),
        cursors: context.cursors,
        end,
        error,
        obeyedAbort: obeyed[index] === true,
      },
    ]),
  )
}

function hasEvents(watchers: readonly RunningWatcher[], wanted: number | readonly string[]): boolean {
  const names = watchers.flatMap(({ context }) => context.events()).map(({ name }) => name)
  return typeof wanted === 'number' ? names.length >= wanted : wanted.every((name) => names.includes(name))
}

/** Resolves when the context aborts. */
function aborted({ signal }: Pick<RunningWatcher['context'], 'signal'>): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** A promise that `open` resolves. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

/** Records how a watcher ended, unless it was aborted before. */
function end(watcher: RunningWatcher, how: WatcherRecord['end'], error?: unknown): void {
  if (watcher.context.signal.aborted) return
  watcher.end = how
  watcher.error = error
}

function merged(parts: readonly ValidatedSignals[]): ValidatedSignals {
  return signalsOf(new Map(parts.map((signals, index) => [String(index), { signals, longestTurnMs: 0 }])))
}

/** Wakes a waiting function when something has happened. */
function waker() {
  let check = (): void => undefined
  return {
    now: (): void => check(),
    until: (condition: () => boolean, timeoutMs: number): Promise<void> =>
      new Promise((resolve) => {
        const finish = (): void => {
          clearTimeout(timer)
          check = () => undefined
          resolve()
        }
        const timer = setTimeout(finish, timeoutMs)
        check = () => {
          if (condition()) finish()
        }
        check()
      }),
  }
}

/** Returns whether a promise settles in time. */
export async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  const settled = promise.then(
    () => true,
    () => true,
  )
  const inTime = await Promise.race([settled, timeout])
  clearTimeout(timer)
  return inTime
}
