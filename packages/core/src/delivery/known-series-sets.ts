import { gunzipSync } from 'node:zlib'
import { type Report, withSeriesValues } from '../platform/protocol.ts'
import type { ReportBody } from '../platform/report-body.ts'

/** Size of the JSON up to which a report is shortened, in some milliseconds. Larger ones seldom repeat their sets. */
const MAX_SHORTENED_BYTES = 262_144

/** Maximum number of remembered sets, about 1 MB. */
const MAX_SETS = 10_000

export type KnownSeriesSets = ReturnType<typeof createKnownSeriesSets>

/** Remembers the sets of series that the platform has named, and shortens reports with them. */
export function createKnownSeriesSets() {
  const sets = new Set<string>()
  return {
    add: (named: readonly string[]): void => {
      if (sets.size + named.length > MAX_SETS) sets.clear()
      for (const set of named) sets.add(set)
    },
    /** Forgets every set: the platform has refused one. */
    forget: (): void => sets.clear(),
    /**
     * Returns a report with values in place of the points of known sets. Returns the same body if it has none, or
     * cannot be read: the platform names the problem.
     *
     * @param bytes size of the uncompressed JSON.
     */
    shorten: (body: ReportBody, bytes: number): ReportBody => {
      if (sets.size === 0 || bytes > MAX_SHORTENED_BYTES) return body
      try {
        return shortened(body, sets) ?? body
      } catch {
        return body
      }
    },
  }
}

function shortened(body: ReportBody, sets: ReadonlySet<string>): string | undefined {
  const report = JSON.parse(typeof body === 'string' ? body : gunzipSync(body).toString()) as Report
  const metrics = withSeriesValues(report.data.metrics, (set) => sets.has(set))
  if (!metrics.some((metric) => 'series_set' in metric)) return undefined
  return JSON.stringify({ ...report, data: { ...report.data, metrics } })
}
