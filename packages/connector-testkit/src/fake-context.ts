import type { CollectContext } from '@rca/core/connector'
import { collectContext } from './collect-context.ts'
import { connectContext, type TestConnectContext } from './connect-context.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { type TestWatchContext, type WatchContextOptions, watchContext } from './watch-context.ts'

/** Every context of one agent, with one clock and one signal. */
export interface FakeContext<Config> {
  readonly clock: ManualClock
  /** For `connect`. Its `log` keeps the lines. */
  readonly connect: TestConnectContext<Config>
  /** For `identify`, and for a collector: pass the same one to its next run. */
  readonly collect: CollectContext
  /** Returns the context for one run of a watcher. */
  watch(options?: Omit<WatchContextOptions, 'clock' | 'now' | 'signal'>): TestWatchContext
  /** Stops the agent: aborts every context. */
  stop(): void
}

/** Options of `fakeContext`. */
export interface FakeContextOptions<Config> {
  /** Checked options, with defaults. @default {} */
  readonly config?: Config
  /** @default a new clock that only the test moves */
  readonly clock?: ManualClock
}

/** Plays the agent's part for one connector: the contexts of `connect`, collectors and watchers. */
export function fakeContext<Config = Record<string, never>>({
  config = {} as Config,
  clock = manualClock(),
}: FakeContextOptions<Config> = {}): FakeContext<Config> {
  const controller = new AbortController()
  const { signal } = controller
  return {
    clock,
    connect: connectContext(config, signal),
    collect: collectContext({ signal, now: clock.now }),
    watch: (options = {}) => watchContext({ ...options, clock, signal }),
    stop: () => controller.abort(),
  }
}
