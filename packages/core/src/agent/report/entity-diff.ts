import { isDeepStrictEqual } from 'node:util'
import type { Entity, EntityReference, Relation, UnreadEntities } from '../../connector/signals.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import { LIMITS, type ReportedEntity } from '../../platform/protocol.ts'

const FULL_INTERVAL_MS = 10 * 60_000

/** Time between two full lists while reports get lost: each full report pushes others out of the queue. */
const MIN_FULL_INTERVAL_MS = 60_000

interface Description {
  readonly collector: string
  readonly entity: Entity
}

interface TrackedEntity {
  /** Sorted by collector, so that the merged entity does not depend on which collector was first. */
  descriptions: readonly Description[]
  /** The entity as it was last sent. Never changes: it is a copy of the connector's object. */
  sent: Entity | undefined
}

/** Called with what is unusual about entities. */
export interface EntityObserver {
  /** @param created entities of a list that no collector described before. Not called for a collector’s first list. */
  readonly onCreated?: (collector: string, created: number, size: number) => void
  /** Called if two collectors give an attribute of an entity different values. The last one is reported. */
  readonly onConflict?: (entityType: string, attribute: string, collectors: readonly string[]) => void
}

export type EntityTracker = ReturnType<typeof createEntityTracker>

/**
 * Tracks which entities were sent, so that reports carry only changes between full lists. The first changes are full.
 * The cost of a `take` depends on the number of changes.
 */
export function createEntityTracker(observer: EntityObserver = {}) {
  const current = new Map<string, readonly Entity[]>()
  const state: State = { applied: new Map(), tracked: new Map(), pending: new Set(), observer }
  let fullAt = Number.NEGATIVE_INFINITY
  let isFullPending = false
  let isReportLost = false

  return {
    /** Sets a collector's current entities. Keeps those that the list lacks as far as they could not be read. */
    update: (
      collector: string,
      entities: readonly Entity[],
      unread: readonly UnreadEntities[] | 'everything' = [],
    ): void => {
      const before = current.get(collector) ?? []
      if (unread === 'everything') current.set(collector, replaced(before, entities))
      else if (unread.length === 0) current.set(collector, entities)
      else {
        const keys = unreadKeys(unread, [...current.values(), entities])
        const kept = before.filter((entity) => keys.has(entityKey(entity)))
        current.set(collector, replaced(kept, entities))
      }
    },
    /** Returns true if a collector describes an entity at present. */
    has: ({ type, id }: EntityReference): boolean =>
      [...current.values()].some((list) => list.some((entity) => entity.id === id && entity.type === type)),
    /** Sends everything again soon: a report was lost. */
    resync: (): void => {
      isReportLost = true
    },
    /**
     * Returns the entities of the next report: all if `full`, one a step. `changes` has to be run to its end before the
     * next `take`. `now` is monotonic; `everyoneReported`: each collector has returned its entities at least once.
     */
    take: (now: number, everyoneReported = true) => {
      const interval = isReportLost ? MIN_FULL_INTERVAL_MS : FULL_INTERVAL_MS
      const full = now - fullAt >= interval || (isFullPending && everyoneReported)
      if (full) {
        fullAt = now
        isReportLost = false
        // A list that lacks a collector's entities is not a snapshot: send another one as soon as there can be one.
        isFullPending = !everyoneReported
      }
      // Copied: an update during the task belongs to the next report.
      const lists = new Map(current)
      return { full, changes: () => changesOf(lists, state, full) }
    },
  }
}

/** Returns the key of an entity among all that one agent sees. */
export function entityKey({ type, id }: Pick<Entity, 'type' | 'id'>): string {
  return `${type}\n${id}`
}

interface State {
  /** The lists that `tracked` reflects. */
  readonly applied: Map<string, readonly Entity[]>
  readonly tracked: Map<string, TrackedEntity>
  /** Keys of entities whose descriptions have changed since the last take. */
  readonly pending: Set<string>
  readonly observer: EntityObserver
}

function* changesOf(
  lists: ReadonlyMap<string, readonly Entity[]>,
  state: State,
  full: boolean,
): InterruptibleTask<ReportedEntity> {
  for (const collector of [...lists.keys()].sort()) yield* apply(collector, lists.get(collector) ?? [], state)
  const { tracked, pending, observer } = state
  const deleted: Entity[] = []
  for (const key of pending) {
    pending.delete(key)
    const change = changeOf(key, tracked, observer)
    if (change?.deleted === true) deleted.push(change.entity)
    yield full || change === undefined || change.deleted ? undefined : change.entity
  }
  if (full) for (const { sent } of tracked.values()) yield sent
  for (const { type, id, name } of deleted) yield { type, id, name, attributes: {}, relations: [], deleted: true }
}

/** Applies the difference between a collector's list and its previous one. Compares objects by identity only. */
function* apply(
  collector: string,
  list: readonly Entity[],
  { applied, tracked, pending, observer }: State,
): InterruptibleTask<ReportedEntity, void> {
  const before = applied.get(collector)
  const { added, removed } = yield* differences(before ?? [], list)
  let created = 0
  for (const entity of added) {
    const key = entityKey(entity)
    if (!tracked.has(key)) created += 1
    const { descriptions, sent } = tracked.get(key) ?? { descriptions: [], sent: undefined }
    if (!descriptions.some((one) => one.collector === collector && one.entity === entity))
      tracked.set(key, { descriptions: sorted([...descriptions, { collector, entity }]), sent })
    pending.add(key)
    yield
  }
  for (const entity of removed) {
    const key = entityKey(entity)
    const one = tracked.get(key)
    if (one !== undefined)
      one.descriptions = one.descriptions.filter((each) => each.collector !== collector || each.entity !== entity)
    pending.add(key)
    yield
  }
  applied.set(collector, list)
  if (before !== undefined) observer.onCreated?.(collector, created, list.length)
}

/** Returns the objects that only one of the lists contains. */
function* differences(
  before: readonly Entity[],
  after: readonly Entity[],
): InterruptibleTask<never, { readonly added: readonly Entity[]; readonly removed: readonly Entity[] }> {
  if (before === after) return { added: [], removed: [] }
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && before[start] === after[start]) start += 1
  let tail = 0
  while (tail < shorter - start && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1
  const [oldMiddle, newMiddle] = [before.slice(start, before.length - tail), after.slice(start, after.length - tail)]
  yield
  // `after` as a whole: an object may occur several times, also in the unchanged ends.
  const [oldSet, newSet] = [new Set(oldMiddle), new Set(oldMiddle.length === 0 ? [] : after)]
  yield
  return {
    added: newMiddle.filter((entity) => !oldSet.has(entity)),
    removed: oldMiddle.filter((entity) => !newSet.has(entity)),
  }
}

function sorted(descriptions: readonly Description[]): readonly Description[] {
  if (descriptions.length === 1) return descriptions
  return descriptions.toSorted((one, other) =>
    one.collector < other.collector ? -1 : one.collector > other.collector ? 1 : 0,
  )
}

function changeOf(
  key: string,
  tracked: Map<string, TrackedEntity>,
  { onConflict }: EntityObserver,
): { readonly entity: Entity; readonly deleted: boolean } | undefined {
  const one = tracked.get(key)
  if (one === undefined) return undefined
  const [first, ...others] = one.descriptions
  if (first === undefined) {
    tracked.delete(key)
    return one.sent === undefined ? undefined : { entity: one.sent, deleted: true }
  }
  const entity = others.reduce((whole, other) => merged(whole, other.entity), first.entity)
  if (onConflict !== undefined && others.length > 0)
    for (const name of conflictsOf(one.descriptions)) onConflict(entity.type, name, collectorsOf(one.descriptions))
  const isSame = isDeepStrictEqual(one.sent, entity)
  one.sent = entity
  return isSame ? undefined : { entity, deleted: false }
}

/** Returns the attributes to which collectors give different values. */
function conflictsOf(descriptions: readonly Description[]): string[] {
  const values = new Map<string, { readonly collector: string; readonly value: unknown }>()
  const conflicts = new Set<string>()
  for (const { collector, entity } of descriptions)
    for (const [name, value] of Object.entries(entity.attributes)) {
      const other = values.get(name)
      if (other === undefined) values.set(name, { collector, value })
      else if (other.collector !== collector && !isDeepStrictEqual(other.value, value)) conflicts.add(name)
    }
  return [...conflicts]
}

function collectorsOf(descriptions: readonly Description[]): string[] {
  return [...new Set(descriptions.map(({ collector }) => collector))]
}

function replaced(before: readonly Entity[], entities: readonly Entity[]): readonly Entity[] {
  const keys = new Set(entities.map(entityKey))
  return [...before.filter((entity) => !keys.has(entityKey(entity))), ...entities]
}

/** Returns the keys of entities that could not be read, and of those with a relation to them, at any distance. */
function unreadKeys(unread: readonly UnreadEntities[], lists: readonly (readonly Entity[])[]): ReadonlySet<string> {
  const types = new Set(unread.filter(({ id }) => id === undefined).map(({ type }) => type))
  const found = new Set(unread.flatMap(({ type, id }) => (id === undefined ? [] : [entityKey({ type, id })])))
  const related = new Map<string, string[]>()
  for (const entity of lists.flat()) {
    const key = entityKey(entity)
    if (types.has(entity.type)) found.add(key)
    for (const { target } of entity.relations) {
      const targetKey = entityKey(target)
      if (types.has(target.type)) found.add(targetKey)
      const sources = related.get(targetKey)
      if (sources === undefined) related.set(targetKey, [key])
      else sources.push(key)
    }
  }
  // A set that grows while it is iterated includes what is added.
  for (const key of found) for (const source of related.get(key) ?? []) found.add(source)
  return found
}

function merged(first: Entity, second: Entity): Entity {
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
