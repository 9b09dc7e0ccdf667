import { v7 } from 'uuid'
import type { SignalWriter } from '../delivery/redaction.ts'
import { LIMITS, type Report, type ReportedEntity } from '../platform/protocol.ts'
import type { Event, Gap, Metric } from '../signals.ts'
import type { Steps } from './steps.ts'

/** Bytes of signals from which on a report is full. A single signal may be larger, and goes alone. */
export const PART_BYTES: number = 2 * 1024 * 1024

/** Most bytes of gaps, which stand in every part. */
const GAP_BYTES = 512 * 1024

/** A report as it travels. */
export interface WrittenReport {
  readonly id: string
  /** JSON in UTF-8. */
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
  readonly events: Iterable<Event>
  readonly gaps: readonly Gap[]
}

/** Lists of signals, in the order in which they are written. Events first: a queue that overflows gives up last what has some. */
const KINDS = ['events', 'entities', 'metrics'] as const
type Kind = (typeof KINDS)[number]

/**
 * Writes what a round has to say, one signal a step: as one report, or as several where that would be too large. Every part carries
 * all gaps, since a gap that the newest report does not name counts as closed.
 *
 * @param first id of the first part
 * @param idOf id of a part after it
 */
export function* writeParts(
  { header, snapshot, entities, metrics, events, gaps }: Content,
  write: SignalWriter,
  nextSequence: () => number,
  first: string = v7(),
  idOf: (number: number) => string = () => v7(),
): Steps<WrittenReport> {
  const openGaps = yield* writeGaps(gaps, header.timestamp, write)
  const part = createPart()
  let number = 0

  const close = (last: boolean): WrittenReport => {
    const id = number === 0 ? first : idOf(number)
    const place = { first, number, ...(last ? { last } : {}), ...(snapshot ? { snapshot } : {}) }
    const whole = last && number === 0
    const mark = whole ? (snapshot ? { snapshot } : {}) : { part: place }
    const head = JSON.stringify({ report_id: id, ...header, sequence: nextSequence(), ...mark })
    const hasEvents = part.hasEvents()
    number += 1
    return { id, json: part.take(`${head.slice(0, -1)},"data":{"gaps":[${openGaps}]`), at: header.timestamp, hasEvents }
  }
  /** Adds a signal. Returns the part before it where that is full. */
  const add = (kind: Kind, json: string): WrittenReport | undefined => {
    const full = part.hasRoom(json) ? undefined : close(false)
    part.add(kind, json)
    return full
  }

  for (const event of events) yield add('events', write.event(event))
  for (const entity of entities) yield entity === undefined ? undefined : add('entities', write.entity(entity))
  for (const metric of metrics) yield add('metrics', write.metric(metric))
  yield close(true)
}

/** Signals of one part, written as bytes at once: tens of thousands of texts would have to be collected twice. */
interface Part {
  /** Whether a signal fits, or the part is empty. */
  hasRoom(json: string): boolean
  /** Adds a signal. Lists follow each other in the order of {@link KINDS}. */
  add(kind: Kind, json: string): void
  hasEvents(): boolean
  /** The JSON that begins with `head`, and an empty part again. */
  take(head: string): Uint8Array
}

function createPart(): Part {
  let bytes = Buffer.allocUnsafe(16_384)
  let length = 0
  const kinds = new Set<Kind>()

  const write = (text: string, most: number): void => {
    if (length + most > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes.length * 2, length + most))
      bytes.copy(larger, 0, 0, length)
      bytes = larger
    }
    length += bytes.write(text, length)
  }
  return {
    hasRoom: (json) => length === 0 || length + json.length <= PART_BYTES,
    add: (kind, json) => {
      const before = kinds.has(kind) ? ',' : `${kinds.size === 0 ? '' : ']'},"${kind}":[`
      kinds.add(kind)
      // A UTF-16 code unit is 3 bytes of UTF-8 at most.
      write(before, before.length)
      write(json, json.length * 3)
    },
    hasEvents: () => kinds.has('events'),
    take: (head) => {
      const missing = KINDS.filter((name) => !kinds.has(name)).map((name) => `,"${name}":[]`)
      const tail = `${kinds.size === 0 ? '' : ']'}${missing.join('')}}}`
      const json = Buffer.concat([Buffer.from(head), bytes.subarray(0, length), Buffer.from(tail)])
      length = 0
      kinds.clear()
      return json
    },
  }
}

/** All gaps as JSON, but for those for which there is no room: a gap says how many. */
function* writeGaps(gaps: readonly Gap[], at: string, write: SignalWriter): Steps<never, string> {
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
export function splitReport(report: Report, write: SignalWriter): Steps<WrittenReport> {
  const { report_id: first, sequence, snapshot = false, part: _part, data, ...header } = report
  return writeParts(
    { header, snapshot, ...data },
    write,
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
