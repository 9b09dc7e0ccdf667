import { v7 } from 'uuid'
import type { Event, Gap, Metric } from '../../connector/signals.ts'
import type { SignalWriter } from '../../delivery/report-redactor.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import { LIMITS, type Report, type ReportedEntity } from '../../platform/protocol.ts'
import { createByteBuffer } from './byte-buffer.ts'
import { writeInBatches } from './metric-buffer.ts'

/** Size of a part. A single larger signal is a part of its own. */
export const MAX_PART_BYTES: number = 2 * 1024 * 1024

/** Size of the gaps, which every part repeats. */
const MAX_GAP_BYTES = 512 * 1024

/** The lists of a part, in writing order. Events come first: a full queue drops reports with events last. */
const LIST_NAMES = ['events', 'entities', 'metrics'] as const

type ListName = (typeof LIST_NAMES)[number]

export interface WrittenReport {
  readonly id: string
  readonly sequence: number
  /** JSON in UTF-8. Valid until the next step of the task: the next part reuses the memory. */
  readonly json: Uint8Array
  /** Time of the collection, ISO 8601. */
  readonly at: string
  readonly hasEvents: boolean
}

/** Says that `data.entities` holds everything that the agent sees, or everything but some entities. */
export type SnapshotMark = Pick<Report, 'snapshot' | 'snapshot_except'>

export type Header = Omit<Report, 'report_id' | 'sequence' | keyof SnapshotMark | 'part' | 'data'>

export interface Content {
  readonly header: Header
  /** Empty if `entities` only holds changes. */
  readonly snapshot: SnapshotMark
  readonly entities: Iterable<ReportedEntity | undefined>
  readonly metrics: Iterable<Metric>
  /** Chunks of points that are written already: JSON, separated by commas. */
  readonly points?: readonly Uint8Array[]
  readonly events: Iterable<Event>
  readonly gaps: readonly Gap[]
}

/**
 * Writes a report, one signal a step, in parts if it is too large. Every part repeats all gaps, since the platform
 * closes a gap that the newest report does not contain.
 */
export function* writeParts(
  { header, snapshot, entities, metrics, points = [], events, gaps }: Content,
  write: SignalWriter,
  part: ReturnType<typeof createPartWriter>,
  nextSequence: () => number,
  firstId: string = v7(),
  idOf: (number: number) => string = () => v7(),
): InterruptibleTask<WrittenReport> {
  part.begin()
  const gapsJson = yield* writeGaps(gaps, header.timestamp, write)
  let number = 0

  const close = (last: boolean): WrittenReport => {
    const id = number === 0 ? firstId : idOf(number)
    const position = { first: firstId, number, ...(last ? { last } : {}), ...snapshot }
    const isWhole = last && number === 0
    const mark = isWhole ? snapshot : { part: position }
    const sequence = nextSequence()
    const head = JSON.stringify({ report_id: id, ...header, sequence, ...mark })
    const hasEvents = part.hasEvents()
    number += 1
    return { id, sequence, json: part.end(`"gaps":[${gapsJson}]},${head.slice(1)}`), at: header.timestamp, hasEvents }
  }
  /** Adds signals. Yields the part first if they do not fit. */
  function* add(list: ListName, json: string | Uint8Array): InterruptibleTask<WrittenReport> {
    if (!part.hasRoom(json)) {
      yield close(false)
      part.begin()
    }
    part.add(list, json)
    yield
  }

  for (const event of events) yield* add('events', write.event(event))
  for (const entity of entities)
    if (entity === undefined) yield
    else yield* add('entities', write.entity(entity))
  for (const json of writeInBatches(metrics, write)) yield* add('metrics', json)
  for (const chunk of points) yield* add('metrics', chunk)
  yield close(true)
}

/** Writes gaps as JSON. Replaces those that exceed the limit with a gap that gives their number. */
function* writeGaps(gaps: readonly Gap[], at: string, write: SignalWriter): InterruptibleTask<never, string> {
  const written: string[] = []
  let bytes = 0
  for (const gap of gaps) {
    const json = write.gap(gap)
    bytes += Buffer.byteLength(json) + 1
    if (bytes > MAX_GAP_BYTES) break
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

/** Writes a full report. The same report always has the same parts, so that a second delivery is a duplicate. */
export function splitReport(report: Report, write: SignalWriter): InterruptibleTask<WrittenReport> {
  const { report_id: firstId, sequence, snapshot, snapshot_except, part: _part, data, ...header } = report
  const mark = { ...(snapshot && { snapshot }), ...(snapshot_except && { snapshot_except }) }
  return writeParts(
    { header, snapshot: mark, ...data },
    write,
    createPartWriter(),
    () => sequence,
    firstId,
    (number) => idAfter(firstId, number),
  )
}

/** Returns an id that differs in the random part of the UUIDv7: it sorts before every id of a later moment. */
function idAfter(id: string, number: number): string {
  const random = (Number.parseInt(id.slice(-10), 16) + number) % 2 ** 40
  return id.slice(0, -10) + random.toString(16).padStart(10, '0')
}

/** Writes one part at a time, in reused bytes: strings and new buffers would burden the garbage collector. */
export function createPartWriter() {
  const bytes = createByteBuffer()
  const begun = new Set<ListName>()
  const begin = (): void => {
    bytes.clear()
    begun.clear()
    bytes.write('{"data":{')
  }
  begin()
  return {
    /** Begins an empty part, which replaces the previous one. */
    begin,
    /** Returns true if the signals fit, or the part is empty. */
    hasRoom: (json: string | Uint8Array) =>
      begun.size === 0 || bytes.length() + Buffer.byteLength(json) <= MAX_PART_BYTES,
    /** Appends signals: JSON, separated by commas. A list cannot be continued after another one has begun. */
    add: (list: ListName, json: string | Uint8Array): void => {
      bytes.write(begun.has(list) ? ',' : `${begun.size === 0 ? '' : '],'}"${list}":[`)
      begun.add(list)
      bytes.write(json)
    },
    hasEvents: () => begun.has('events'),
    /** Completes the part. The result is valid until the next `begin`. @param rest the JSON after the lists */
    end: (rest: string): Uint8Array => {
      const missing = LIST_NAMES.filter((list) => !begun.has(list)).map((list) => `"${list}":[],`)
      bytes.write(`${begun.size === 0 ? '' : '],'}${missing.join('')}${rest}`)
      return bytes.content()
    },
  }
}
