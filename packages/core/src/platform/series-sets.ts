import { hash } from 'node:crypto'
import type { Attributes, Metric } from '../connector/signals.ts'

/** Maximum number of series in a set. */
export const MAX_SET_SERIES = 500

/** Characters of the hash of a set: 132 bits. */
const HASH_LENGTH = 22

/** Values of a set of series that the platform knows from points that it received in full. */
export interface SeriesValues {
  /** Hash of the set: see {@link hashSeriesSet}. */
  readonly series_set: string
  /** One value for each series, in the order of the points that were sent in full. */
  readonly values: readonly number[]
  /** Time of the measurements, ISO 8601, UTC. Absent for the `timestamp` of the report. */
  readonly at?: string
}

/** Returns a text that identifies the series of a point, whatever the order of its attributes. */
export function seriesKeyOf({ name, entity, attributes, unit, kind }: Metric): string {
  return JSON.stringify([name, entity.type, entity.id, sortedAttributes(attributes), unit, kind])
}

/** Returns attributes sorted by their names. */
export function sortedAttributes(attributes: Attributes): [string, unknown][] {
  const entries = Object.entries(attributes)
  return entries.length < 2 ? entries : entries.sort(([left], [right]) => (left < right ? -1 : 1))
}

/** Hashes a set of series by their keys, in the order of its points. */
export function hashSeriesSet(seriesKeys: readonly string[]): string {
  return hash('sha256', `[${seriesKeys.join()}]`, 'base64url').slice(0, HASH_LENGTH)
}

/**
 * Divides the points of a report into those whose series are one set: points of one entity and time that follow each
 * other, at most {@link MAX_SET_SERIES}. Values of a set stay what they are, and end the set before them.
 */
export function* bySeriesSet(
  points: readonly (Metric | SeriesValues)[],
): Iterable<readonly [Metric, ...Metric[]] | SeriesValues> {
  let set: [Metric, ...Metric[]] | undefined
  for (const point of points) {
    const isValues = 'series_set' in point
    if (set !== undefined && !isValues && set.length < MAX_SET_SERIES && isOfSameSet(set[0], point)) {
      set.push(point)
      continue
    }
    if (set !== undefined) yield set
    set = isValues ? undefined : [point]
    if (isValues) yield point
  }
  if (set !== undefined) yield set
}

function isOfSameSet(one: Metric, other: Metric): boolean {
  return one.entity.id === other.entity.id && one.entity.type === other.entity.type && one.at === other.at
}

/** Replaces the points of known sets of series by their values. */
export function withSeriesValues(
  points: readonly (Metric | SeriesValues)[],
  isKnown: (set: string) => boolean,
): (Metric | SeriesValues)[] {
  return [...bySeriesSet(points)].flatMap((own): readonly (Metric | SeriesValues)[] => {
    if ('series_set' in own) return [own]
    const series_set = hashSeriesSet(own.map(seriesKeyOf))
    if (!isKnown(series_set)) return own
    const [{ at }] = own
    return [{ series_set, values: own.map(({ value }) => value), ...(at !== undefined && { at }) }]
  })
}
