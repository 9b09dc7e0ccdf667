import type { Duration } from '@rca/core'
import type { Event, Signals, WatchContext, Watcher } from '@rca/core/connector'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { eventsOf } from './signal-queries.ts'

/** Options of `watchContext`. */
export interface WatchContextOptions {
  /** Aborts the watcher, beside `abort()`. */
  readonly signal?: AbortSignal
  /** Moved forward by every `sleep`. @default a new `manualClock` */
  readonly clock?: ManualClock
  /** Time that the watcher is given. @default that of `clock` */
  readonly now?: () => Date
  /** The cursor that an earlier run saved. */
  readonly cursor?: string | undefined
  /**
   * Functions that run while the watcher sleeps, one per `sleep`. The `sleep` after the last one aborts the watcher.
   * @default [], the first `sleep` aborts it
   */
  readonly steps?: readonly ((clock: ManualClock) => void)[]
  /** Called before emitted signals are recorded. When it throws, `emit` throws and nothing is recorded. */
  readonly onEmit?: (signals: Omit<Signals, 'gaps'>) => void
}

/** A watcher's context that records what the watcher does. */
export interface TestWatchContext extends WatchContext {
  /** Emitted signals, in order. */
  readonly emitted: readonly Signals[]
  /** Saved cursors, in order. */
  readonly cursors: readonly string[]
  /** Durations of all sleeps, in order. */
  readonly sleeps: readonly Duration[]
  /** Emitted events, in order. */
  events(): Event[]
  abort(): void
}

/** Returns the context for one run of a watcher. */
export function watchContext(options: WatchContextOptions = {}): TestWatchContext {
  const { clock = manualClock(), now = clock.now, cursor, steps = [], onEmit } = options
  const controller = new AbortController()
  const signal = AbortSignal.any([controller.signal, ...(options.signal === undefined ? [] : [options.signal])])
  const remaining = [...steps]
  const emitted: Signals[] = []
  const cursors: string[] = []
  const sleeps: Duration[] = []
  return {
    signal,
    now,
    cursor,
    emitted,
    cursors,
    sleeps,
    emit: (signals) => {
      onEmit?.(signals)
      emitted.push(signals)
    },
    saveCursor: async (saved) => void cursors.push(saved),
    sleep: async (duration) => {
      signal.throwIfAborted()
      sleeps.push(duration)
      clock.advance(duration)
      const step = remaining.shift()
      if (step === undefined) controller.abort()
      signal.throwIfAborted()
      step?.(clock)
    },
    events: () => eventsOf(emitted),
    abort: () => controller.abort(),
  }
}

/** Runs a watcher until it ends or its context aborts. Rejects when the watcher fails before that. */
export async function runWatcher<Client>(
  watcher: Watcher<Client>,
  client: Client,
  context: WatchContext,
): Promise<void> {
  try {
    await watcher.watch(client, context)
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
}

/** A step of `watchContext` in which nothing happens. */
export function idle(): void {}
