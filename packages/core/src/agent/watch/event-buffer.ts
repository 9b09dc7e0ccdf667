import type { CheckedSignals } from '../validate/validate-signals.ts'

/** How long a standby keeps what it would have reported, in milliseconds: longer than it takes to notice that the leader is gone. */
const KEPT_FOR = 120_000

/** Most messages that a standby keeps. */
const MOST_KEPT = 5000

interface Message {
  /** Milliseconds, monotonic. */
  readonly at: number
  readonly signals: CheckedSignals
}

/** What watchers saw and nobody has reported. */
export interface WatchedSignals {
  add(signals: CheckedSignals): void
  /** From now on only the newest is kept, and no metrics: a point would be dated by the report that tells it. */
  hold(): void
  /** From now on everything is kept until it is taken. */
  release(): void
  take(): CheckedSignals[]
  isEmpty(): boolean
}

/** Nothing seen yet, and everything is kept. */
export function createWatchedSignals(now: () => number = () => performance.now()): WatchedSignals {
  let messages: Message[] = []
  let held = false

  const drop = (): void => {
    const oldest = now() - KEPT_FOR
    let first = Math.max(0, messages.length - MOST_KEPT)
    while ((messages[first]?.at ?? Number.POSITIVE_INFINITY) < oldest) first += 1
    if (first > 0) messages = messages.slice(first)
  }
  return {
    add: (signals) => {
      messages.push({ at: now(), signals: held ? withoutMetrics(signals) : signals })
      if (held) drop()
    },
    hold: () => {
      if (!held) messages = messages.map(({ at, signals }) => ({ at, signals: withoutMetrics(signals) }))
      held = true
      drop()
    },
    release: () => {
      if (held) drop()
      held = false
    },
    take: () => {
      const taken = messages.map(({ signals }) => signals)
      messages = []
      return taken
    },
    isEmpty: () => messages.length === 0,
  }
}

function withoutMetrics(signals: CheckedSignals): CheckedSignals {
  return signals.metrics.length === 0 ? signals : { ...signals, metrics: [] }
}
