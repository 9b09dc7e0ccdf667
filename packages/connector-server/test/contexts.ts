import type { Duration } from '@rca/core'
import { toMilliseconds } from '@rca/core'
import type { CollectContext, Event, Signals, WatchContext } from '@rca/core/connector'

/** Core's side of a collector: keeps what is remembered. */
export function collectContext(signal: AbortSignal = new AbortController().signal): CollectContext {
  let kept: unknown
  return {
    signal,
    now: () => new Date('2026-11-22T09:00:00.000Z'),
    tell: () => Promise.reject(new Error('its collectors tell everything at the end')),
    swapState: <Reading>(reading: Reading): Reading | undefined => {
      const before = kept as Reading | undefined
      kept = reading
      return before
    },
  }
}

/** What a watcher did in a test. */
export interface Watched {
  readonly emitted: Signals[]
  readonly cursors: string[]
  readonly slept: Duration[]
}

/**
 * Core's side of a watcher, with a clock of its own: `sleep` lets the time pass and then calls the next of `steps`. The
 * watcher is aborted when there is none left.
 */
export function watchContext(
  steps: readonly ((clock: { now: Date }) => void)[],
  cursor?: string,
): WatchContext & Watched {
  const clock = { now: new Date('2026-11-22T09:00:00.000Z') }
  const controller = new AbortController()
  const watched: Watched = { emitted: [], cursors: [], slept: [] }
  const left = [...steps]
  return {
    ...watched,
    signal: controller.signal,
    now: () => clock.now,
    cursor,
    emit: (signals) => watched.emitted.push(signals),
    saveCursor: async (saved) => {
      watched.cursors.push(saved)
    },
    sleep: async (duration) => {
      watched.slept.push(duration)
      clock.now = new Date(clock.now.getTime() + toMilliseconds(duration))
      const step = left.shift()
      if (step === undefined) {
        controller.abort()
        throw controller.signal.reason
      }
      step(clock)
    },
  }
}

/** Runs a watcher until its steps are over. Rejects with what it failed with otherwise. */
export async function watchToEnd(watching: Promise<void>, context: WatchContext): Promise<void> {
  try {
    await watching
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
}

/** The events among what a watcher emitted. */
export function events(emitted: readonly Signals[]): Event[] {
  return emitted.flatMap((signals) => signals.events ?? []).filter((event) => event !== undefined)
}

/** A step in which nothing happens. */
export function nothing(): void {}
