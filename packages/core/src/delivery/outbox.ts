import { dirname } from 'node:path'
import { reasonOf } from '../errors/error-reason.ts'
import type { Logger } from '../logger.ts'
import type { ReportBody } from '../platform/report-body.ts'
import type { ReportFiles } from './report-files.ts'
import { withoutMetrics } from './without-metrics.ts'

/** Bodies of reports on disk that are kept in memory as well: what is sent soon is not read again. */
const MAX_COPIED_BYTES = 1024 * 1024

/** A report that waits for the platform. */
export interface OutboxEntry {
  readonly id: string
  readonly sequence: number
  /** Size of the uncompressed JSON. */
  readonly bytes: number
  /** Time of the collection, ISO 8601. */
  readonly at: string
  /** Reports with events lose their metrics before they are dropped: most incidents start with a change. */
  readonly hasEvents: boolean
}

/** A report with its body. */
export interface NewReport extends OutboxEntry {
  readonly agentId: string
  readonly body: ReportBody
}

export interface OutboxState {
  readonly reports: number
  /** Size in memory and on disk, as it is stored. */
  readonly bytes: number
  readonly dropped: number
  /** Time at which the oldest report was collected, ISO 8601. */
  readonly oldestAt: string | undefined
}

/** An entry with where it is: in memory, on disk, or both. */
interface Kept extends OutboxEntry {
  /** Size as it is stored. */
  readonly held: number
  body?: ReportBody | undefined
  readonly file?: string | undefined
  /** True if its metrics were removed, or could not be. */
  isReduced?: boolean
}

export interface OutboxOptions {
  readonly maxBytes: number
  readonly log: Logger
  /** Files in which reports outlive the process. Without them, reports are in memory alone. */
  readonly files?: ReportFiles | undefined
}

export type Outbox = ReturnType<typeof createOutbox>

/** Keeps entries in the order of their addition, with their sizes. */
function createEntries() {
  const entries = new Map<string, Kept>()
  let bytes = 0
  let copied = 0
  let unsaved = 0

  const keep = (entry: Kept): void => {
    const copy = entry.body !== undefined && entry.file !== undefined ? entry.held : 0
    if (copied + copy > MAX_COPIED_BYTES) entry.body = undefined
    else copied += copy
    if (entry.file === undefined) unsaved += 1
    entries.set(entry.id, entry)
    bytes += entry.held
  }
  const subtract = (entry: Kept): void => {
    bytes -= entry.held
    if (entry.file === undefined) unsaved -= 1
    else if (entry.body !== undefined) copied -= entry.held
  }
  const forget = ({ id }: OutboxEntry): Kept | undefined => {
    const entry = entries.get(id)
    if (entry === undefined) return undefined
    entries.delete(id)
    subtract(entry)
    return entry
  }
  return {
    keep,
    /** Returns the entry that it forgets, if it was kept. */
    forget,
    get: (id: string) => entries.get(id),
    values: () => entries.values(),
    size: () => entries.size,
    bytes: () => bytes,
    /** Entries that are in memory alone. */
    unsaved: () => unsaved,
    /** Replaces an entry at its place. Returns false if it was forgotten. */
    replace: (entry: Kept, smaller: Kept): boolean => {
      if (entries.get(entry.id) !== entry) return false
      // Setting a key that exists keeps its place.
      subtract(entry)
      keep(smaller)
      return true
    },
    /** Returns the oldest entry without events, or else the oldest that may have metrics, or else the oldest. */
    leastImportant: (newest: Pick<OutboxEntry, 'id'>): Kept | undefined => {
      let withMetrics: Kept | undefined
      let oldest: Kept | undefined
      for (const entry of entries.values()) {
        if (entry.id === newest.id) continue
        if (!entry.hasEvents) return entry
        oldest ??= entry
        if (entry.isReduced !== true) withMetrics ??= entry
      }
      return withMetrics ?? oldest
    },
  }
}

/**
 * Queues reports until the platform has accepted them. If the queue is full, drops the oldest report without events,
 * or else the metrics of the oldest, or else the oldest; keeps the newest. A report that cannot be written to disk is
 * kept in memory.
 */
export function createOutbox({ maxBytes, files, log }: OutboxOptions) {
  const entries = createEntries()
  let dropped = 0
  let diskFailure: { readonly reason: string; readonly since: string } | undefined

  const removeFile = async ({ file }: Kept): Promise<void> => {
    if (file !== undefined) await files?.remove(file)
  }
  const fail = (error: unknown, what: string): void => {
    const reason = reasonOf(error)
    if (diskFailure === undefined) log.error({ error: reason }, what)
    diskFailure = { reason, since: diskFailure?.since ?? new Date().toISOString() }
  }
  /** Returns the file's name, `undefined` if the report is in memory alone. */
  const save = async ({ agentId, body, ...entry }: NewReport): Promise<string | undefined> => {
    if (files === undefined || typeof body === 'string') return undefined
    try {
      const file = await files.write(agentId, { ...entry, held: body.byteLength }, body)
      if (diskFailure !== undefined) log.info({}, 'queue on disk again')
      diskFailure = undefined
      return file
    } catch (error) {
      fail(error, 'report not written to disk: it is lost if the agent ends before it is delivered')
      return undefined
    }
  }
  const read = async ({ id }: OutboxEntry): Promise<ReportBody | undefined> => {
    const entry = entries.get(id)
    if (entry?.body !== undefined || entry?.file === undefined || files === undefined) return entry?.body
    const body = await files.read(entry.file)
    if (body !== undefined && body !== 'damaged') return body
    // Its metrics were dropped meanwhile, and its file was replaced.
    if (entries.get(id) !== entry) return read(entry)
    entries.forget(entry)
    dropped += 1
    log.error({ report_id: id }, `report dropped: its file is ${body ?? 'missing'}`)
    return undefined
  }
  /** Drops the metrics of a report with events. */
  const reduce = async (entry: Kept): Promise<void> => {
    entry.isReduced = true
    const body = await read(entry).catch(() => undefined)
    const smaller = body === undefined ? undefined : await withoutMetrics(body)
    if (smaller === undefined) return
    const inMemory = { ...entry, ...smaller, held: sizeOf(smaller), file: undefined }
    const file = entry.file === undefined ? undefined : await save({ ...inMemory, agentId: dirname(entry.file) })
    if (entry.file !== undefined && file === undefined) return
    const reduced = { ...inMemory, file }
    await removeFile(entries.replace(entry, reduced) ? entry : reduced)
  }
  /** Returns how many reports were dropped. */
  const makeRoom = async (newest: Pick<OutboxEntry, 'id'>): Promise<number> => {
    const before = dropped
    while (entries.bytes() > maxBytes) {
      const entry = entries.leastImportant(newest)
      if (entry === undefined) break
      if (entry.hasEvents && entry.isReduced !== true) await reduce(entry)
      else if (entries.forget(entry) !== undefined) {
        dropped += 1
        await removeFile(entry)
      }
    }
    // With those whose file was found damaged.
    return dropped - before
  }

  return {
    /** Loads what an agent's earlier runs left on disk. Returns the highest sequence among them. Never rejects. */
    restore: async (agentId: string): Promise<number | undefined> => {
      try {
        const stored = (await files?.list(agentId)) ?? []
        for (const { file, ...info } of stored)
          if (entries.get(info.id) === undefined) entries.keep({ ...info, at: timeOf(info.id), file })
        const newest = stored.at(-1)
        if (newest === undefined) return undefined
        await makeRoom(newest)
        log.info({ reports: stored.length }, 'delivering reports of an earlier run')
        return newest.sequence
      } catch (error) {
        fail(error, 'reports of an earlier run not readable')
        return undefined
      }
    },
    /** Adds a report, or replaces the one with the same id. Returns how many were dropped for it. Never rejects. */
    add: async (report: NewReport): Promise<number> => {
      const { agentId: _agentId, body, ...entry } = report
      const file = files === undefined ? undefined : await save(report)
      const same = entries.forget(entry)
      if (same?.file !== undefined && same.file !== file) await removeFile(same)
      entries.keep({ ...entry, held: sizeOf(report), body, file })
      return makeRoom(entry)
    },
    /** Returns the oldest reports within the limits, but at least one unless the outbox is empty. */
    peek: (max: { readonly reports: number; readonly bytes: number }): readonly OutboxEntry[] => {
      const batch: OutboxEntry[] = []
      let size = 0
      for (const entry of entries.values()) {
        if (batch.length > 0 && (batch.length >= max.reports || size + entry.bytes > max.bytes)) break
        batch.push(entry)
        size += entry.bytes
      }
      return batch
    },
    /** Returns a report's body, `undefined` if it is missing or damaged, and then drops it. @throws a passing error */
    read,
    /** Removes delivered reports. Never rejects. */
    remove: async (delivered: readonly OutboxEntry[]): Promise<void> => {
      await Promise.all(delivered.flatMap((entry) => entries.forget(entry) ?? []).map(removeFile))
    },
    /** Removes a report that cannot be delivered, and counts it as dropped. Its file is set aside with the reason. */
    refuse: async (rejected: OutboxEntry, reason: string): Promise<void> => {
      const entry = entries.forget(rejected)
      if (entry === undefined) return
      dropped += 1
      if (entry.file !== undefined) await files?.refuse(entry.file, reason)
    },
    /** Returns true if a report is lost when the process ends, although reports are to outlive it. */
    hasUnsaved: () => files !== undefined && entries.unsaved() > 0,
    /** Returns why reports are in memory alone, `undefined` if they are on disk or there is no directory for them. */
    diskFailure: () => diskFailure,
    state: (): OutboxState => ({
      reports: entries.size(),
      bytes: entries.bytes(),
      dropped,
      oldestAt: entries.values().next().value?.at,
    }),
  }
}

/** Returns the size of a body as it is kept. */
function sizeOf({ body, bytes }: Pick<NewReport, 'body' | 'bytes'>): number {
  return typeof body === 'string' ? bytes : body.byteLength
}

/** Returns when a UUIDv7 was made, ISO 8601. */
function timeOf(id: string): string {
  const milliseconds = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
  return new Date(Number.isNaN(milliseconds) ? 0 : milliseconds).toISOString()
}
