import type { Entity, Event, Gap, Metric } from '../signals.ts'
import type { Unknown } from './signal-problems.ts'

/**
 * Copies of what a connector said, before it is checked: plain objects with the known fields only, each field read once.
 * What is checked is then what is sent, whatever getters, proxies or further fields the original has.
 */

/** An entity's known fields. */
export function plainEntity({ type, id, name, attributes, relations }: Unknown<Entity>): Unknown<Entity> {
  return {
    type,
    id,
    name,
    attributes: plainAttributes(attributes),
    relations: Array.isArray(relations) ? Array.from(relations, plainRelation) : relations,
  }
}

/** A point's known fields. */
export function plainMetric({ name, value, unit, kind, entity, attributes }: Unknown<Metric>): Unknown<Metric> {
  return { name, value, unit, kind, entity: plainReference(entity), attributes: plainAttributes(attributes) }
}

/** An event's known fields. */
export function plainEvent(event: Unknown<Event>): Unknown<Event> {
  const { id, name, at, severity, entity, body, attributes } = event
  return {
    ...(id === undefined ? {} : { id }),
    name,
    at,
    severity,
    entity: plainReference(entity),
    body,
    attributes: plainAttributes(attributes),
  }
}

/** A gap's known fields. */
export function plainGap({ scope, reason, since }: Unknown<Gap>): Unknown<Gap> {
  return { scope, reason, ...(since === undefined ? {} : { since }) }
}

function plainReference(reference: unknown): unknown {
  if (typeof reference !== 'object' || reference === null) return reference
  const { type, id } = reference as { readonly type?: unknown; readonly id?: unknown }
  return { type, id }
}

function plainRelation(relation: unknown): unknown {
  if (typeof relation !== 'object' || relation === null) return relation
  const { type, target } = relation as { readonly type?: unknown; readonly target?: unknown }
  return { type, target: plainReference(target) }
}

/** Attributes that could not be read are `undefined` and left out. A list's holes become `undefined`, which no list may hold. */
function plainAttributes(attributes: unknown): unknown {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return undefined
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]: [string, unknown]) => [name, Array.isArray(value) ? Array.from(value) : value]),
  )
}
