import type { InterruptibleTask } from '@rca/core'
import type { Event, Report, ReportedEntity } from '@rca/core/protocol'
import { hashSeries, type PreparedMetric } from './series-index.ts'

/** A report with what its rows contain: computing it within the transaction would keep other writers waiting. */
export interface PreparedReport {
  readonly report: Report
  readonly entities: readonly PreparedEntity[]
  readonly metrics: readonly PreparedMetric[]
  readonly events: readonly PreparedEvent[]
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
export function* prepareReports(reports: readonly Report[]): InterruptibleTask<never, PreparedReport[]> {
  const prepared: PreparedReport[] = []
  for (const report of reports) {
    const { data } = report
    prepared.push({
      report,
      entities: yield* each(data.entities, prepareEntity),
      metrics: yield* each(data.metrics, (metric) => ({ metric, seriesHash: hashSeries(metric) })),
      events: yield* each(data.events, (event) => ({ event, attributes: JSON.stringify(event.attributes) })),
    })
  }
  return prepared
}

/** Maps items, with a chance to yield to the event loop after each. */
function* each<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Result,
): InterruptibleTask<never, readonly Result[]> {
  const results: Result[] = []
  for (const item of items) {
    results.push(map(item))
    yield
  }
  return results
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
