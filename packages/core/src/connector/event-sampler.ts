/** Number of a key's first occurrences that are all emitted. Later ones are emitted at milestones only. */
const MAX_UNSAMPLED_EVENTS = 4

/** Time without occurrences after which a key starts from scratch. */
const QUIET_MS = 600_000

const DEFAULT_MAX_KEYS = 20_000

/** An occurrence that the sampler counts itself. */
interface CountedOccurrence {
  readonly at: Date
  /** Number of occurrences, if the source counted several since the last call. @default 1 */
  readonly times?: number
  /** Time of the first of several occurrences. @default at */
  readonly since?: Date
  /** Returns a name for the series if this occurrence starts one. Every agent must choose the same name. */
  readonly series?: () => string
}

/** An occurrence that its source numbers, such as a kubelet's restart count. */
interface NumberedOccurrence {
  readonly at: Date
  readonly number: number
  /** True if a series starts with this occurrence. The source decides that, not the clock. */
  readonly startsSeries: boolean
}

/** An occurrence to emit. */
export interface EventSample {
  /** Number of occurrences in the series so far, including this one. */
  readonly count: number
  /** Largest of 1, 2, 3, 4, 10, 30, 100, … not above `count`. The same in every agent, so it may be part of an id. */
  readonly milestone: number
  /** True if occurrences before this one may have been dropped: the event should contain `count`. */
  readonly isMilestone: boolean
  readonly series: string
}

interface Series {
  readonly name: string
  /** Number of the last occurrence before the series. */
  readonly base: number
  readonly count: number
  /** The largest milestone that was emitted or passed. */
  readonly milestone: number
  /** Milliseconds since 1970. */
  readonly lastAt: number
}

/**
 * Samples repeated occurrences of the same thing. Emits the first four occurrences of a key, then the 10th, 30th,
 * 100th, 300th, … with the count. A key that is quiet for ten minutes starts from scratch.
 *
 * @param options.maxKeys keys to keep in memory; beyond it, the least recently sampled one is dropped
 *
 * @example
 * const sampler = createEventSampler()
 * const sample = sampler.sample(volume.id, { at: context.now() })
 * if (sample !== undefined) context.emit({ events: [signals.volumeFull.event({ … })] })
 */
export function createEventSampler({ maxKeys = DEFAULT_MAX_KEYS }: { readonly maxKeys?: number } = {}) {
  const known = new Map<string, Series>()
  return {
    /** Counts an occurrence. Returns the sample to emit, or `undefined` to drop the occurrence. */
    sample: (key: string, occurrence: CountedOccurrence | NumberedOccurrence): EventSample | undefined => {
      const next = 'number' in occurrence ? addNumbered(known.get(key), occurrence) : add(known.get(key), occurrence)
      const { count, name: series } = next
      const milestone = milestoneOf(count)
      known.delete(key)
      known.set(key, { ...next, milestone: Math.max(next.milestone, milestone) })
      const [oldest] = known.keys()
      if (known.size > maxKeys && oldest !== undefined) known.delete(oldest)
      const isMilestone = count > MAX_UNSAMPLED_EVENTS
      return isMilestone && milestone <= next.milestone ? undefined : { count, milestone, isMilestone, series }
    },
  }
}
createEventSampler.QUIET_MS = QUIET_MS

function add(before: Series | undefined, { at, times = 1, since = at, series }: CountedOccurrence): Series {
  const lastAt = at.getTime()
  if (before === undefined || since.getTime() - before.lastAt > QUIET_MS)
    return { name: series?.() ?? '', base: 0, count: times, milestone: 0, lastAt }
  return { ...before, count: before.count + times, lastAt: Math.max(before.lastAt, lastAt) }
}

function addNumbered(before: Series | undefined, { at, number, startsSeries }: NumberedOccurrence): Series {
  // A source that numbers from 1 again, such as a kubelet that lost its state, starts a series.
  const known = before !== undefined && number > before.base ? before : undefined
  const base = startsSeries ? number - 1 : (known?.base ?? 0)
  const milestone = base === known?.base ? known.milestone : 0
  return { name: `${base}`, base, count: number - base, milestone, lastAt: at.getTime() }
}

function milestoneOf(count: number): number {
  if (count < 10) return Math.min(count, MAX_UNSAMPLED_EVENTS)
  // Logarithms of powers of ten may be a little too small.
  const power = 10 ** Math.floor(Math.log10(count) + 1e-9)
  return count >= 3 * power ? 3 * power : power
}
