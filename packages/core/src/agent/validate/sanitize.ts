import type { Entity, Event, Gap, Metric } from '../../connector/signals.ts'
import { LIMITS } from '../../platform/protocol.ts'
import type { Unknown } from './rules.ts'

/**
 * Copies of what a connector said, before it is checked: plain objects with the known fields only, each field read once.
 * What is checked is then what is sent, whatever getters, proxies or further fields the original has. Texts and lists
 * that are longer than the wire allows are cut, so that one long label does not cost a whole entity.
 */

/** Takes secrets out of a text. */
type Redact = (text: string) => string

/** No attributes: most points have none. */
const NONE: Readonly<Record<string, never>> = Object.freeze({})

/** An entity's known fields. */
export function plainEntity(
  { type, id, name, attributes, relations }: Unknown<Entity>,
  redact: Redact,
): Unknown<Entity> {
  return {
    type,
    id: wellFormed(id),
    name: wellFormed(name),
    attributes: plainAttributes(attributes, redact),
    relations: Array.isArray(relations) ? Array.from(relations, plainRelation) : relations,
  }
}

/** A point's known fields. Copies share what cannot change: the entity of points that follow each other, and frozen attributes. */
export function plainMetrics(redact: Redact): (metric: Unknown<Metric>) => Unknown<Metric> {
  let newest: { readonly of: unknown; readonly copy: unknown } = { of: undefined, copy: undefined }
  const known = new WeakMap<object, unknown>()
  const entityOf = (entity: unknown): unknown => {
    if (entity !== newest.of || !Object.isFrozen(entity)) newest = { of: entity, copy: plainReference(entity) }
    return newest.copy
  }
  const attributesOf = (attributes: unknown): unknown => {
    if (typeof attributes !== 'object' || attributes === null || !Object.isFrozen(attributes))
      return plainAttributes(attributes, redact)
    if (!known.has(attributes)) known.set(attributes, plainAttributes(attributes, redact))
    return known.get(attributes)
  }
  return ({ name, value, unit, kind, entity, attributes }) => ({
    name,
    value,
    unit,
    kind,
    entity: entityOf(entity),
    attributes: attributesOf(attributes),
  })
}

/** An event's known fields. */
export function plainEvent(event: Unknown<Event>, redact: Redact): Unknown<Event> {
  const { id, name, at, severity, entity, body, attributes } = event
  return {
    ...(id === undefined ? {} : { id: wellFormed(id) }),
    name,
    at,
    severity,
    entity: plainReference(entity),
    body,
    attributes: plainAttributes(attributes, redact),
  }
}

/** A gap's known fields. */
export function plainGap({ scope, reason, since }: Unknown<Gap>): Unknown<Gap> {
  return { scope: wellFormed(scope), reason, ...(since === undefined ? {} : { since }) }
}

function plainReference(reference: unknown): unknown {
  if (typeof reference !== 'object' || reference === null) return reference
  const { type, id } = reference as { readonly type?: unknown; readonly id?: unknown }
  return { type, id: wellFormed(id) }
}

function plainRelation(relation: unknown): unknown {
  if (typeof relation !== 'object' || relation === null) return relation
  const { type, target } = relation as { readonly type?: unknown; readonly target?: unknown }
  return { type, target: plainReference(target) }
}

/** Attributes that could not be read are `undefined` and left out. A list's holes become `undefined`, which no list may hold. */
function plainAttributes(attributes: unknown, redact: Redact): unknown {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return undefined
  const names = Object.keys(attributes)
  if (names.length === 0) return NONE
  const copy: Record<string, unknown> = {}
  for (const name of names) {
    const value = (attributes as Readonly<Record<string, unknown>>)[name]
    if (value === undefined) continue
    // Set in the usual way, it would be no attribute, and nobody would be told that it is no name for one.
    if (name === '__proto__') Object.defineProperty(copy, name, { value, enumerable: true })
    else copy[name] = plainValue(value, redact)
  }
  return copy
}

function plainValue(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return cut(value, LIMITS.attribute, redact)
  if (!Array.isArray(value)) return value
  const surplus = value.length - LIMITS.elements
  const kept = surplus > 0 ? [...value.slice(0, LIMITS.elements - 1), `… and ${surplus + 1} more`] : Array.from(value)
  return kept.map((element) => (typeof element === 'string' ? cut(element, LIMITS.element, redact) : element))
}

/** A text that is not longer than allowed. Secrets go first: half of one is one too. */
export function cut(text: string, longest: number, redact: Redact): string {
  return text.length <= longest
    ? text
    : `${redact(text)
        .slice(0, longest - 1)
        .toWellFormed()}…`
}

/** Half a character, which no UTF-8 can carry, becomes U+FFFD: the platform refuses identifiers with one, and the whole report with them. */
function wellFormed(value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value
}
