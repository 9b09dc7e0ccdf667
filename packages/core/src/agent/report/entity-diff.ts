import { isDeepStrictEqual } from 'node:util'
import type { Entity, Relation } from '../../connector/signals.ts'
import type { InterruptibleTask } from '../../event-loop.ts'
import { LIMITS, type ReportedEntity } from '../../platform/protocol.ts'

/** How often everything is sent again, in milliseconds. */
const FULL_EVERY = 10 * 60_000

/** How soon after a full list another may follow, in milliseconds: while reports get lost, each full one would push out others. */
const FULL_AGAIN_AFTER = 60_000

/** What one collector says of an entity. */
interface Said {
  readonly collector: string
  readonly entity: Entity
}

/** What is known of an entity. */
interface Known {
  /** By whom, in an order that does not depend on who was first. */
  said: readonly Said[]
  /** As it was last sent, `undefined` before. It does not change: what a connector says is copied. */
  sent: Entity | undefined
}

/** What of the entities goes into a report. */
export interface EntityChanges {
  /** All entities are among the changes. */
  readonly full: boolean
  /** One entity a step. To be gone through to its end before the next take. */
  changes(): InterruptibleTask<ReportedEntity>
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

/** A tracker that knows nothing: its first changes are full. What a take costs depends on what has changed since the one before. */
export function createEntityTracker(): EntityTracker {
  const current = new Map<string, readonly Entity[]>()
  const state: State = { applied: new Map(), known: new Map(), pending: new Set() }
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
      // As they are now: a collector that comes back meanwhile has its turn in the next report.
      const lists = new Map(current)
      return { full, changes: () => changesOf(lists, state, full) }
    },
  }
}

/** Names an entity among all that one agent sees. */
export function entityKey({ type, id }: Pick<Entity, 'type' | 'id'>): string {
  return `${type}\n${id}`
}

/** What a tracker keeps from take to take. */
interface State {
  /** Lists that `known` goes by. */
  readonly applied: Map<string, readonly Entity[]>
  readonly known: Map<string, Known>
  /** Entities of which something else is said than when they were last looked at. */
  readonly pending: Set<string>
}

function* changesOf(
  lists: ReadonlyMap<string, readonly Entity[]>,
  state: State,
  full: boolean,
): InterruptibleTask<ReportedEntity> {
  for (const collector of [...lists.keys()].sort()) yield* apply(collector, lists.get(collector) ?? [], state)
  const { known, pending } = state
  const gone: Entity[] = []
  for (const key of pending) {
    pending.delete(key)
    const change = changeOf(key, known)
    if (change?.deleted === true) gone.push(change.entity)
    yield full || change === undefined || change.deleted ? undefined : change.entity
  }
  if (full) for (const { sent } of known.values()) yield sent
  for (const { type, id, name } of gone) yield { type, id, name, attributes: {}, relations: [], deleted: true }
}

/** Notes what a collector's list says otherwise than its list before. The same object says the same: nothing of it has to be looked at. */
function* apply(
  collector: string,
  list: readonly Entity[],
  { applied, known, pending }: State,
): InterruptibleTask<ReportedEntity, void> {
  const before = applied.get(collector) ?? []
  const { added, removed } = yield* differences(before, list)
  for (const entity of added) {
    const key = entityKey(entity)
    const { said, sent } = known.get(key) ?? { said: [], sent: undefined }
    if (!said.some((one) => one.collector === collector && one.entity === entity))
      known.set(key, { said: inOrder([...said, { collector, entity }]), sent })
    pending.add(key)
    yield
  }
  for (const entity of removed) {
    const key = entityKey(entity)
    const one = known.get(key)
    if (one !== undefined) one.said = one.said.filter((each) => each.collector !== collector || each.entity !== entity)
    pending.add(key)
    yield
  }
  applied.set(collector, list)
}

/** Objects that are in one list only. */
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
  const [was, is] = [before.slice(start, before.length - tail), after.slice(start, after.length - tail)]
  yield
  // One that is there several times may be left in the part that has not changed.
  const [those, these] = [new Set(was), new Set(was.length === 0 ? [] : after)]
  yield
  return { added: is.filter((entity) => !those.has(entity)), removed: was.filter((entity) => !these.has(entity)) }
}

function inOrder(said: readonly Said[]): readonly Said[] {
  if (said.length === 1) return said
  return said.toSorted((one, other) => (one.collector < other.collector ? -1 : one.collector > other.collector ? 1 : 0))
}

/** Whether an entity is another one than when it was last sent. */
function changeOf(
  key: string,
  known: Map<string, Known>,
): { readonly entity: Entity; readonly deleted: boolean } | undefined {
  const one = known.get(key)
  if (one === undefined) return undefined
  const [first, ...others] = one.said
  if (first === undefined) {
    known.delete(key)
    return one.sent === undefined ? undefined : { entity: one.sent, deleted: true }
  }
  const entity = others.reduce((whole, other) => joined(whole, other.entity), first.entity)
  const isSame = isDeepStrictEqual(one.sent, entity)
  one.sent = entity
  return isSame ? undefined : { entity, deleted: false }
}

function replaced(before: readonly Entity[], entities: readonly Entity[]): readonly Entity[] {
  const fresh = new Set(entities.map(entityKey))
  return [...before.filter((entity) => !fresh.has(entityKey(entity))), ...entities]
}

/** What two collectors say of one entity. */
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
