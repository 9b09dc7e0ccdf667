import type { Event, Metric } from '@rca/core/connector'
import type { Rehearsal } from '../rehearsal.ts'
import type { CheckDefinition } from '../subject.ts'
import { distinct, rehearsed, reportedBy } from './definitions.ts'
import { seriesKey } from './faults.ts'
import { problemsOf } from './signals.ts'

const MAX_AGE_MS = 366 * 24 * 60 * 60_000
const MAX_AHEAD_MS = 60_000
const MAX_BODY_BYTES = 4096
const MAX_EVENTS_PER_ROUND = 1000

/** Checks of values, dates and ids. */
export const valueChecks: readonly CheckDefinition[] = [
  rehearsed(
    {
      id: 'VAL-finite',
      title: 'reports finite numbers',
      reason: 'Core leaves out other values.',
      severity: 'error',
      remedy: 'Pass `undefined` to `point` for a value that could not be read.',
    },
    problemsOf('VAL-finite'),
  ),
  rehearsed(
    {
      id: 'VAL-counters',
      title: 'never lets a counter fall or be negative',
      reason: 'The platform takes a fall for a reset: the rate is wrong.',
      severity: 'error',
      remedy: 'Declare values that fall as `updowncounter` or `gauge`.',
    },
    (rehearsal, subject) => [...problemsOf('VAL-counters')(rehearsal, subject), ...fallenCounters(rehearsal)],
  ),
  rehearsed(
    {
      id: 'VAL-dates',
      title: 'dates events within the last year, and not in the future',
      reason: 'An event with a wrong date is not found in the incident that it belongs to.',
      severity: 'error',
      remedy: 'Convert seconds to milliseconds, read the time zone, and correct the offset of the clock.',
    },
    (rehearsal) => {
      const { startedAt } = rehearsal
      const isOff = ({ at }: Event): boolean => {
        const ahead = Date.parse(at) - startedAt.getTime() - elapsedMs(rehearsal)
        return ahead > MAX_AHEAD_MS || ahead < -MAX_AGE_MS
      }
      return distinct(
        eventsOf(rehearsal)
          .filter(isOff)
          .map(({ name, at }) => `\`${name}\` is dated ${at}`),
      )
    },
  ),
  rehearsed(
    {
      id: 'VAL-sizes',
      title: 'keeps the text of an event short',
      reason: 'Long texts fill reports and hide the cause.',
      severity: 'warning',
      remedy: 'Write one sentence for people into `body`, and evidence into an attribute, cut by `tailOf`.',
    },
    (rehearsal) =>
      distinct(
        eventsOf(rehearsal)
          .filter(({ body }) => Buffer.byteLength(body) > MAX_BODY_BYTES)
          .map(
            ({ name, body }) => `the body of \`${name}\` has ${Buffer.byteLength(body)} bytes, of ${MAX_BODY_BYTES}`,
          ),
      ),
  ),
  rehearsed(
    {
      id: 'VAL-events-a-round',
      title: 'reports at most 1,000 events a round',
      reason: 'A flood of events pushes others out of the queue.',
      severity: 'error',
      remedy: 'Sample repetitions with `createEventSampler`.',
    },
    (rehearsal) =>
      distinct(
        reportedBy(rehearsal)
          .filter(
            ({ source, signals }) => !isWatcher(rehearsal, source) && signals.events.length > MAX_EVENTS_PER_ROUND,
          )
          .map(({ source, signals }) => `\`${source}\` reported ${signals.events.length} events at once`),
      ),
  ),
  rehearsed(
    {
      id: 'VAL-event-ids',
      title: 'gives each event an id of its own, the same after a restart',
      reason: 'The platform stores an id once: a repeated id loses an event, and a new one stores it twice.',
      severity: 'error',
      remedy: 'Derive `id` from what the source says about the event, such as its own id or its time and subject.',
    },
    eventIdProblems,
  ),
]

/** Returns the counters that are smaller than at an earlier time. */
export function fallenCounters({ connections }: Pick<Rehearsal, 'connections'>): string[] {
  const fallen = connections.flatMap(({ rounds }) => {
    const last = new Map<string, Metric>()
    return rounds.flatMap((round) =>
      [...round.values()].flatMap(({ signals }) =>
        signals.metrics.flatMap((metric) => {
          if (metric.kind !== 'counter') return []
          const key = seriesKey(metric)
          const before = last.get(key)
          // Dated points may come in any order.
          if (before?.at !== undefined && metric.at !== undefined && metric.at < before.at) return []
          last.set(key, metric)
          return before !== undefined && metric.value < before.value
            ? [`the counter \`${metric.name}\` fell from ${before.value} to ${metric.value}`]
            : []
        }),
      ),
    )
  })
  return distinct(fallen)
}

function eventsOf(rehearsal: Rehearsal): Event[] {
  return reportedBy(rehearsal).flatMap(({ signals }) => signals.events)
}

function elapsedMs({ connections, scenario }: Rehearsal): number {
  const rounds = Math.max(0, ...connections.map((connection) => connection.rounds.length))
  return rounds * (scenario.intervalMs ?? 15_000)
}

function isWatcher({ connections }: Rehearsal, source: string): boolean {
  return connections.some(({ watchers }) => watchers.has(source))
}

function eventIdProblems({ connections }: Rehearsal): string[] {
  const [first, second] = connections.map(({ rounds, watchers }) => {
    // A collector may repeat an event in each round, with the same id.
    const [round = []] = rounds.map((each) => [...each.values()].map(({ signals }) => signals.events))
    return [...round, ...[...watchers.values()].map(({ signals }) => signals.events)]
  })
  const repeated = (first ?? []).flatMap((events) => {
    const ids = events.flatMap(({ id }) => (id === undefined ? [] : [id]))
    return ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `two events have the id \`${id}\``)
  })
  const idsOf = (lists: readonly (readonly Event[])[] = []): Map<string, string | undefined> =>
    new Map(lists.flat().map(({ name, at, entity, body, id }) => [JSON.stringify([name, at, entity, body]), id]))
  const before = idsOf(first)
  const changed = [...idsOf(second)]
    .filter(([key, id]) => before.get(key) !== undefined && id !== before.get(key))
    .map(([key, id]) => `the event ${key} has the id \`${id}\` after a restart, before \`${before.get(key)}\``)
  return distinct([...repeated, ...changed])
}
