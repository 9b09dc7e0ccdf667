import type { ReportBody } from '../platform/report-body.ts'

/** A report on its way, already JSON. */
export interface OutboxEntry {
  readonly id: string
  readonly json: ReportBody
  /** Of the JSON as text: what it is to the platform. */
  readonly bytes: number
  /** Of what is held in memory. @default bytes */
  readonly held?: number
  /** ISO 8601: when it was collected. */
  readonly at: string
  /** Reports with events are given up last: most incidents start with a change. */
  readonly hasEvents: boolean
}

/** What an outbox holds. */
export interface OutboxState {
  readonly reports: number
  /** Held in memory. */
  readonly bytes: number
  /** Reports given up since the outbox was made. */
  readonly dropped: number
  /** ISO 8601: when the oldest was collected. */
  readonly oldestAt: string | undefined
}

/** Keeps reports until the platform has them. */
export interface Outbox {
  /** Adds a report, in the place of one with the same id, and gives up others where the bound is exceeded. Returns how many were given up. */
  add(entry: OutboxEntry): number
  /** The oldest reports: at most so many, at most so many bytes, but at least one if there is any. */
  peek(most: { readonly reports: number; readonly bytes: number }): readonly OutboxEntry[]
  /** Takes reports out that were delivered. */
  remove(entries: readonly OutboxEntry[]): void
  /** Takes reports out that will never be delivered, and counts them. */
  drop(entries: readonly OutboxEntry[]): void
  state(): OutboxState
}

function heldBy({ held, bytes }: OutboxEntry): number {
  return held ?? bytes
}

/** An outbox in memory, bounded in bytes. The oldest report without events is given up first, then the oldest of all; the newest stays. */
export function createMemoryOutbox(mostBytes: number): Outbox {
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
  const giveUp = (newest: OutboxEntry): void => {
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
    add: (entry) => {
      const before = dropped
      const same = entries.get(entry.id)
      if (same !== undefined) remove(same)
      entries.set(entry.id, entry)
      bytes += heldBy(entry)
      while (bytes > mostBytes && entries.size > 1) giveUp(entry)
      return dropped - before
    },
    peek: (most) => {
      const batch: OutboxEntry[] = []
      let size = 0
      for (const entry of entries.values()) {
        if (batch.length > 0 && (batch.length >= most.reports || size + entry.bytes > most.bytes)) break
        batch.push(entry)
        size += entry.bytes
      }
      return batch
    },
    remove: (delivered) => {
      for (const entry of delivered) remove(entry)
    },
    drop: (rejected) => {
      for (const entry of rejected) if (remove(entry)) dropped += 1
    },
    state: () => ({ reports: entries.size, bytes, dropped, oldestAt: entries.values().next().value?.at }),
  }
}
