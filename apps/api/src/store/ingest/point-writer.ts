import type { Transaction } from 'kysely'
import type { Tables } from '../sqlite/tables.ts'
import type { AgentState } from './agent-state.ts'
import type { PreparedPoints } from './prepared-report.ts'
import type { SeriesLookup } from './series-index.ts'
import { writePoints } from './signal-writers.ts'

/** Thrown for values of a set of series that is not cached, or has another number of series. */
export class UnknownSeriesSetError extends Error {
  constructor(set: string) {
    super(`The set of series \`${set}\` is unknown. Send its points in full.`)
    this.name = 'UnknownSeriesSetError'
  }
}

/**
 * Writes the points of series for which there is room.
 *
 * @throws {UnknownSeriesSetError}
 */
export async function writeSets(
  transaction: Transaction<Tables>,
  agent: AgentState,
  sets: readonly PreparedPoints[],
  { timeOfPoints, isLate }: { readonly timeOfPoints: (at: string | undefined) => number; readonly isLate: boolean },
  index: SeriesLookup,
): Promise<void> {
  const { key, quota } = agent
  const known = sets.map(({ series_set }) => index.findSet(key, series_set))
  const unknown = sets.flatMap(({ metrics = [] }, place) => (known[place] === undefined ? metrics : []))
  const room = { stored: quota.usage.series, room: quota.roomForSeries() }
  const { ids, created } = await index.resolve(transaction, key, unknown, room)
  const dropped = new Map<string, number>()
  let next = 0
  const points = sets.flatMap(({ series_set, values, at: sourceAt, metrics }, place) => {
    const own = known[place] ?? ids.slice(next, next + (metrics?.length ?? 0))
    if (known[place] === undefined) next += own.length
    if (own.length !== values.length) throw new UnknownSeriesSetError(series_set)
    if (metrics !== undefined && isComplete(own)) {
      if (known[place] === undefined) index.addSet(key, series_set, own)
      agent.seriesSets.push(series_set)
    }
    const at = timeOfPoints(sourceAt)
    return values.flatMap((value, position) => {
      const series_id = own[position]
      if (series_id !== undefined) return { series_id, at, value }
      const name = metrics?.[position]?.metric.name ?? ''
      dropped.set(name, (dropped.get(name) ?? 0) + 1)
      return []
    })
  })
  quota.addSeries(created, dropped)
  await writePoints(transaction, points, isLate)
}

function isComplete(ids: readonly (number | undefined)[]): ids is readonly number[] {
  return !ids.includes(undefined)
}
