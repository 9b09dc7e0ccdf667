import type { InterruptibleTask } from '@rca/core'
import {
  bySeriesSet,
  type Event,
  hashSeriesSet,
  type Metric,
  type ReceivedReport,
  type ReportedEntity,
  type SeriesValues,
  seriesKeyOf,
} from '@rca/core/protocol'
import type { PreparedMetric } from './series-index.ts'

/** A report with what its rows contain: computing it within the transaction would keep other writers waiting. */
export interface PreparedReport {
  readonly report: ReceivedReport
  readonly entities: readonly PreparedEntity[]
  readonly points: readonly PreparedPoints[]
  readonly events: readonly PreparedEvent[]
}

/** Points whose series are one set. */
export interface PreparedPoints extends SeriesValues {
  /** The points in the order of `values`, unless their values were sent alone. */
  readonly metrics?: readonly PreparedMetric[]
}

/** An entity with its attributes and relations as JSON. */
export interface PreparedEntity extends Pick<ReportedEntity, 'type' | 'id' | 'name' | 'deleted'> {
  readonly attributes: string
  readonly relations: string
  /** Bytes of its name, attributes and relations. */
  readonly bytes: number
  /** Rows that it takes: its own, and those of its relations and labels. */
  readonly rows: number
}

export interface PreparedEvent {
  readonly event: Event
  /** JSON. */
  readonly attributes: string
}

/** Prepares reports for their transaction. */
export function* prepareReports(reports: readonly ReceivedReport[]): InterruptibleTask<never, PreparedReport[]> {
  const prepared: PreparedReport[] = []
  for (const report of reports) {
    const { data } = report
    prepared.push({
      report,
      entities: yield* each(data.entities, prepareEntity),
      points: yield* preparePoints(data.metrics),
      events: yield* each(data.events, (event) => ({ event, attributes: JSON.stringify(event.attributes) })),
    })
  }
  return prepared
}

/** Maps items, with a chance to yield to the event loop after each. */
function* each<Item, Result>(
  items: Iterable<Item>,
  map: (item: Item) => Result,
): InterruptibleTask<never, readonly Result[]> {
  const results: Result[] = []
  for (const item of items) {
    results.push(map(item))
    yield
  }
  return results
}

function* preparePoints(metrics: ReceivedReport['data']['metrics']): InterruptibleTask<never, PreparedPoints[]> {
  const prepared: PreparedPoints[] = []
  for (const points of bySeriesSet(metrics)) {
    prepared.push('series_set' in points ? points : yield* prepareSet(points))
    yield
  }
  return prepared
}

function* prepareSet(points: readonly [Metric, ...Metric[]]): InterruptibleTask<never, PreparedPoints> {
  const metrics = yield* each(points, (metric) => ({ metric, seriesKey: seriesKeyOf(metric) }))
  const [{ at }] = points
  return {
    series_set: hashSeriesSet(metrics.map(({ seriesKey }) => seriesKey)),
    values: points.map(({ value }) => value),
    ...(at !== undefined && { at }),
    metrics,
  }
}

function prepareEntity({ type, id, name, deleted, ...state }: ReportedEntity): PreparedEntity {
  const attributes = JSON.stringify(state.attributes)
  const relations = JSON.stringify(state.relations)
  return {
    type,
    id,
    name,
    ...(deleted && { deleted }),
    attributes,
    relations,
    bytes: Buffer.byteLength(name) + Buffer.byteLength(attributes) + Buffer.byteLength(relations),
    rows: 1 + state.relations.length + Object.keys(state.attributes).length,
  }
}
