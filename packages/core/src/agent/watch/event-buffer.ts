import type { ValidatedSignals } from '../validate/validate-signals.ts'

/** Time for which a standby keeps messages: longer than it takes to notice that the leader has failed. */
const MAX_AGE_MS = 120_000

/** Messages that a standby keeps. */
const MAX_MESSAGES = 5000

export type EventBuffer = ReturnType<typeof createEventBuffer>

/** Buffers what watchers emitted until it is reported. */
export function createEventBuffer(now: () => number = () => performance.now()) {
  let messages: { readonly at: number; readonly signals: ValidatedSignals }[] = []
  let isStandby = false

  const dropOld = (): void => {
    const oldest = now() - MAX_AGE_MS
    let first = Math.max(0, messages.length - MAX_MESSAGES)
    while ((messages[first]?.at ?? Number.POSITIVE_INFINITY) < oldest) first += 1
    if (first > 0) messages = messages.slice(first)
  }
  return {
    add: (signals: ValidatedSignals): void => {
      messages.push({ at: now(), signals: isStandby ? withoutMetrics(signals) : signals })
      if (isStandby) dropOld()
    },
    /** Keeps only recent messages from now on, and no metrics: a late report would date a point wrongly. */
    standby: (): void => {
      if (!isStandby) messages = messages.map(({ at, signals }) => ({ at, signals: withoutMetrics(signals) }))
      isStandby = true
      dropOld()
    },
    /** Keeps everything from now on until it is taken. */
    activate: (): void => {
      if (isStandby) dropOld()
      isStandby = false
    },
    take: (): ValidatedSignals[] => {
      const taken = messages.map(({ signals }) => signals)
      messages = []
      return taken
    },
    isEmpty: () => messages.length === 0,
  }
}

function withoutMetrics(signals: ValidatedSignals): ValidatedSignals {
  return signals.metrics.length === 0 ? signals : { ...signals, metrics: [] }
}
