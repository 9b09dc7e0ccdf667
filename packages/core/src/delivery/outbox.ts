import type { ReportBody } from '../platform/report-body.ts'

export interface OutboxEntry {
  readonly id: string
  readonly json: ReportBody
  /** Size of the uncompressed JSON. */
  readonly bytes: number
  /** Size in memory. @default bytes */
  readonly held?: number
  /** Time of the collection, ISO 8601. */
  readonly at: string
  /** Reports with events are dropped last: most incidents start with a change. */
  readonly hasEvents: boolean
}

export interface OutboxState {
  readonly reports: number
  /** Size in memory. */
  readonly bytes: number
  readonly dropped: number
  /** Time at which the oldest report was collected, ISO 8601. */
  readonly oldestAt: string | undefined
}

export type Outbox = ReturnType<typeof createMemoryOutbox>

function heldBy({ held, bytes }: OutboxEntry): number {
  return held ?? bytes
}

/**
 * Queues reports until the platform has accepted them. If the queue is full, drops the oldest report without events, or
 * else the oldest; keeps the newest.
 */
export function createMemoryOutbox(maxBytes: number) {
  const entries = new Map<string, OutboxEntry>()
  let bytes = 0
  let dropped = 0

  const remove = (entry: OutboxEntry): boolean => {
    const held = entries.get(entry.id)
    if (held === undefined) return false
    entries.delete(entry.id)
    bytes -= heldBy(held)
    return true
  }
  const evictOne = (newest: OutboxEntry): void => {
    let victim: OutboxEntry | undefined
    for (const entry of entries.values()) {
      if (entry === newest) continue
      victim ??= entry
      if (entry.hasEvents) continue
      victim = entry
      break
    }
    if (victim !== undefined && remove(victim)) dropped += 1
  }

  return {
    /** Adds a report, or replaces the one with the same id. Returns the number of reports dropped for it. */
    add: (entry: OutboxEntry): number => {
      const before = dropped
      const same = entries.get(entry.id)
      if (same !== undefined) remove(same)
      entries.set(entry.id, entry)
      bytes += heldBy(entry)
      while (bytes > maxBytes && entries.size > 1) evictOne(entry)
      return dropped - before
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
    remove: (delivered: readonly OutboxEntry[]): void => {
      for (const entry of delivered) remove(entry)
    },
    /** Removes reports that cannot be delivered, and counts them as dropped. */
    drop: (rejected: readonly OutboxEntry[]): void => {
      for (const entry of rejected) if (remove(entry)) dropped += 1
    },
    state: (): OutboxState => ({ reports: entries.size, bytes, dropped, oldestAt: entries.values().next().value?.at }),
  }
}
