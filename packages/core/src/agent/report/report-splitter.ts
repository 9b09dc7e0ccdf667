import { v7 } from 'uuid'
import type { Event, Gap, Metric } from '../../connector/signals.ts'
import type { SignalWriter } from '../../delivery/redaction.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import { LIMITS, type Report, type ReportedEntity } from '../../platform/protocol.ts'
import { createPart, type Part, type PartList } from './report-part.ts'
import { writeInBatches } from './write-batches.ts'

/** Most bytes of gaps, which stand in every part. */
const GAP_BYTES = 512 * 1024

/** A report as it travels. */
export interface WrittenReport {
  readonly id: string
  /** JSON in UTF-8, until the next step: then others are written in its place. */
  readonly json: Uint8Array
  /** ISO 8601: when it was collected. */
  readonly at: string
  readonly hasEvents: boolean
}

/** What all parts of a report have in common. */
export type Header = Omit<Report, 'report_id' | 'sequence' | 'snapshot' | 'part' | 'data'>

/** Everything that one round has to say. */
export interface Content {
  readonly header: Header
  /** `entities` hold everything that the agent sees. */
  readonly snapshot: boolean
  readonly entities: Iterable<ReportedEntity | undefined>
  readonly metrics: Iterable<Metric>
  /** Points that are written already, in pieces: JSON, separated by commas. */
  readonly points?: readonly Uint8Array[]
  readonly events: Iterable<Event>
  readonly gaps: readonly Gap[]
}

/** What parts are written with. */
export interface PartWriting {
  readonly write: SignalWriter
  /** Where they are written, one after the other. @default one of their own */
  readonly part?: Part
}

/**
 * Writes what a round has to say, one signal a step: as one report, or as several where that would be too large. Every part carries
 * all gaps, since a gap that the newest report does not name counts as closed.
 *
 * @param first id of the first part
 * @param idOf id of a part after it
 */
export function* writeParts(
  { header, snapshot, entities, metrics, points = [], events, gaps }: Content,
  { write, part = createPart() }: PartWriting,
  nextSequence: () => number,
  first: string = v7(),
  idOf: (number: number) => string = () => v7(),
): InterruptibleTask<WrittenReport> {
  part.begin()
  const openGaps = yield* writeGaps(gaps, header.timestamp, write)
  let number = 0

  const close = (last: boolean): WrittenReport => {
    const id = number === 0 ? first : idOf(number)
    const place = { first, number, ...(last ? { last } : {}), ...(snapshot ? { snapshot } : {}) }
    const whole = last && number === 0
    const mark = whole ? (snapshot ? { snapshot } : {}) : { part: place }
    const head = JSON.stringify({ report_id: id, ...header, sequence: nextSequence(), ...mark })
    const hasEvents = part.hasEvents()
    number += 1
    return { id, json: part.end(`"gaps":[${openGaps}]},${head.slice(1)}`), at: header.timestamp, hasEvents }
  }
  /** Adds what it can to the part, which is ready once that is full. */
  function* add(kind: PartList, json: string | Uint8Array): InterruptibleTask<WrittenReport> {
    if (!part.hasRoom(json)) {
      yield close(false)
      part.begin()
    }
    part.add(kind, json)
    yield
  }

  for (const event of events) yield* add('events', write.event(event))
  for (const entity of entities)
    if (entity === undefined) yield
    else yield* add('entities', write.entity(entity))
  for (const json of writeInBatches(metrics, write)) yield* add('metrics', json)
  for (const piece of points) yield* add('metrics', piece)
  yield close(true)
}

/** All gaps as JSON, but for those for which there is no room: a gap says how many. */
function* writeGaps(gaps: readonly Gap[], at: string, write: SignalWriter): InterruptibleTask<never, string> {
  const written: string[] = []
  let bytes = 0
  for (const gap of gaps) {
    const json = write.gap(gap)
    bytes += Buffer.byteLength(json) + 1
    if (bytes > GAP_BYTES) break
    written.push(json)
    yield
  }
  const left = gaps.length - written.length
  const reason = `one report carries at most ${written.length} of these gaps: ${left} were left out`.slice(
    0,
    LIMITS.reason,
  )
  return (left === 0 ? written : [write.gap({ scope: 'report:gaps', reason, since: at }), ...written]).join()
}

/** A report that stands alone, as it is or in parts. The same report has the same parts: delivered twice, it is stored once. */
export function splitReport(report: Report, write: SignalWriter): InterruptibleTask<WrittenReport> {
  const { report_id: first, sequence, snapshot = false, part: _part, data, ...header } = report
  return writeParts(
    { header, snapshot, ...data },
    { write },
    () => sequence,
    first,
    (number) => idAfter(first, number),
  )
}

/** The id so many after this one. It differs in the random part of a UUIDv7, and so sorts before every id of a later moment. */
function idAfter(id: string, number: number): string {
  const random = (Number.parseInt(id.slice(-10), 16) + number) % 2 ** 40
  return id.slice(0, -10) + random.toString(16).padStart(10, '0')
}
