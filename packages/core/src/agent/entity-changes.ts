import { hash } from 'node:crypto'
import { LIMITS, type ReportedEntity } from '../platform/protocol.ts'
import type { Entity, Relation } from '../signals.ts'

/** How often everything is sent again, in milliseconds. */
const FULL_EVERY = 10 * 60_000

/** How soon after a full list another may follow, in milliseconds: while reports get lost, each full one would push out others. */
const FULL_AGAIN_AFTER = 60_000

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
  /** Takes a collector's current entities: all of them, or, where some could not be read, those that could. */
  update(collector: string, entities: readonly Entity[], completeness?: 'all' | 'some'): void
  /** What has to be sent now. `now` in milliseconds, monotonic. `everyone`: each collector has told its entities at least once. */
  take(now: number, everyone?: boolean): EntityChanges
  /** A report got lost: send everything soon. */
  forget(): void
}

/** A tracker that knows nothing: its first changes are full. */
export function createEntityTracker(): EntityTracker {
  const current = new Map<string, readonly Entity[]>()
  let known = new Map<string, Known>()
  let fullAt = Number.NEGATIVE_INFINITY
  let owed = false
  let lost = false

  return {
    update: (collector, entities, completeness = 'all') => {
      const before = completeness === 'all' ? [] : (current.get(collector) ?? [])
      current.set(collector, completeness === 'all' ? entities : replaced(before, entities))
    },
    forget: () => {
      lost = true
    },
    take: (now, everyone = true) => {
      const full = now - fullAt >= (lost ? FULL_AGAIN_AFTER : FULL_EVERY) || (owed && everyone)
      if (full) {
        fullAt = now
        lost = false
        // A list that lacks a collector's entities is no snapshot: one is owed as soon as there can be one.
        owed = !everyone
      }
      const changed: ReportedEntity[] = []
      const seen = new Map<string, Known>()
      for (const [key, entity] of merged(current)) {
        const fingerprint = hash('sha256', JSON.stringify(entity), 'base64')
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

/** Names an entity among all that one agent sees. */
export function entityKey({ type, id }: Pick<Entity, 'type' | 'id'>): string {
  return `${type}\n${id}`
}

function replaced(before: readonly Entity[], entities: readonly Entity[]): readonly Entity[] {
  const fresh = new Set(entities.map(entityKey))
  return [...before.filter((entity) => !fresh.has(entityKey(entity))), ...entities]
}

/** Every entity once: what several collectors say of the same one is put together, in an order that does not depend on who was first. */
function merged(current: ReadonlyMap<string, readonly Entity[]>): Map<string, Entity> {
  const all = new Map<string, Entity>()
  const collectors = [...current.keys()].sort()
  for (const entity of collectors.flatMap((collector) => current.get(collector) ?? [])) {
    const other = all.get(entityKey(entity))
    all.set(entityKey(entity), other === undefined ? entity : joined(other, entity))
  }
  return all
}

function joined(first: Entity, second: Entity): Entity {
  const relations = new Map([...first.relations, ...second.relations].map((each) => [relationKey(each), each]))
  return {
    ...second,
    attributes: { ...first.attributes, ...second.attributes },
    relations: [...relations.values()].slice(0, LIMITS.relations),
  }
}

function relationKey({ type, target }: Relation): string {
  return `${type}\n${entityKey(target)}`
}
