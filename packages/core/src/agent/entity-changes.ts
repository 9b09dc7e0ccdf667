import { hash } from 'node:crypto'
import type { ReportedEntity } from '../platform/protocol.ts'
import type { Entity } from '../signals.ts'

/** How often everything is sent again, in milliseconds. */
const FULL_EVERY = 10 * 60_000

/** What was known of an entity when it was last sent. */
interface Known {
  readonly fingerprint: string
  readonly entity: Pick<Entity, 'type' | 'id' | 'name'>
}

/** What of the entities goes into a report. */
export interface EntityChanges {
  readonly entities: readonly ReportedEntity[]
  /** Everything is in `entities`. */
  readonly full: boolean
}

/** Follows which entities the platform knows, so that only changes travel between the full lists. */
export interface EntityTracker {
  /** Takes a collector's current entities, all of them. */
  update(collector: string, entities: readonly Entity[]): void
  /** What has to be sent now. `now` in milliseconds, monotonic. */
  take(now: number): EntityChanges
  /** A report got lost: send everything with the next one. */
  forget(): void
}

/** A tracker that knows nothing: its first changes are full. */
export function createEntityTracker(): EntityTracker {
  const current = new Map<string, readonly Entity[]>()
  let known = new Map<string, Known>()
  let fullAt = Number.NEGATIVE_INFINITY

  return {
    update: (collector, entities) => void current.set(collector, entities),
    forget: () => {
      fullAt = Number.NEGATIVE_INFINITY
    },
    take: (now) => {
      const full = now - fullAt >= FULL_EVERY
      if (full) fullAt = now
      const changed: ReportedEntity[] = []
      const seen = new Map<string, Known>()
      for (const entity of [...current.values()].flat()) {
        const key = `${entity.type}\n${entity.id}`
        const fingerprint = hash('md5', JSON.stringify(entity), 'base64')
        if (full || known.get(key)?.fingerprint !== fingerprint) changed.push(entity)
        const { type, id, name } = entity
        seen.set(key, { fingerprint, entity: { type, id, name } })
      }
      for (const [key, { entity }] of known)
        if (!seen.has(key)) changed.push({ ...entity, attributes: {}, relations: [], deleted: true })
      known = seen
      return { entities: changed, full }
    },
  }
}
