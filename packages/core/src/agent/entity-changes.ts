import { hash } from 'node:crypto'
import { LIMITS, type ReportedEntity } from '../platform/protocol.ts'
import type { Entity, Relation } from '../signals.ts'
import type { Steps } from './steps.ts'

/** How often everything is sent again, in milliseconds. */
const FULL_EVERY = 10 * 60_000

/** How soon after a full list another may follow, in milliseconds: while reports get lost, each full one would push out others. */
const FULL_AGAIN_AFTER = 60_000

/** What was known of an entity when it was last sent. */
interface Known {
  entity: Entity
  fingerprint: string
  /** The last take in which it was there. */
  take: number
}

/** What of the entities goes into a report. */
export interface EntityChanges {
  /** All entities are among the changes. */
  readonly full: boolean
  /** One entity a step. To be gone through to its end before the next take. */
  changes(): Steps<ReportedEntity>
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
  const known = new Map<string, Known>()
  const join = createJoin()
  let takes = 0
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
      takes += 1
      const take = takes
      // As they are now: a collector that comes back meanwhile has its turn in the next report.
      const lists = new Map(current)
      return { full, changes: () => changesOf(lists, known, join, full, take) }
    },
  }
}

/** Names an entity among all that one agent sees. */
export function entityKey({ type, id }: Pick<Entity, 'type' | 'id'>): string {
  return `${type}\n${id}`
}

function* changesOf(
  lists: ReadonlyMap<string, readonly Entity[]>,
  known: Map<string, Known>,
  join: Join,
  full: boolean,
  take: number,
): Steps<ReportedEntity> {
  for (const [key, entity] of yield* merged(lists, join)) {
    const before = known.get(key)
    // The same object says the same: nothing of it has to be looked at.
    const same = before?.entity === entity
    const fingerprint = same ? before.fingerprint : fingerprintOf(entity)
    const changed = full || before?.fingerprint !== fingerprint
    if (before === undefined) known.set(key, { entity, fingerprint, take })
    else Object.assign(before, { entity, fingerprint, take })
    yield changed ? entity : undefined
  }
  for (const [key, { entity, take: last }] of known) {
    if (last === take) continue
    known.delete(key)
    const { type, id, name } = entity
    yield { type, id, name, attributes: {}, relations: [], deleted: true }
  }
}

function fingerprintOf(entity: Entity): string {
  return hash('sha256', JSON.stringify(entity), 'base64')
}

function replaced(before: readonly Entity[], entities: readonly Entity[]): readonly Entity[] {
  const fresh = new Set(entities.map(entityKey))
  return [...before.filter((entity) => !fresh.has(entityKey(entity))), ...entities]
}

/** Every entity once: what several collectors say of the same one is put together, in an order that does not depend on who was first. */
function* merged(lists: ReadonlyMap<string, readonly Entity[]>, join: Join): Steps<never, Map<string, Entity>> {
  const all = new Map<string, Entity>()
  for (const collector of [...lists.keys()].sort())
    for (const entity of lists.get(collector) ?? []) {
      const key = entityKey(entity)
      const other = all.get(key)
      all.set(key, other === undefined ? entity : join(other, entity))
      yield
    }
  return all
}

/** Puts together what two collectors say of one entity: the same two objects make the same one again. */
type Join = (first: Entity, second: Entity) => Entity

function createJoin(): Join {
  const made = new WeakMap<Entity, { readonly second: Entity; readonly whole: Entity }>()
  return (first, second) => {
    const before = made.get(first)
    if (before?.second === second) return before.whole
    const whole = joined(first, second)
    made.set(first, { second, whole })
    return whole
  }
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
