import type { Entity, Event, Gap, Metric } from '../../connector/signals.ts'
import { LIMITS } from '../../platform/protocol.ts'
import { redactLabel, redactReported } from '../../redaction/secret-patterns.ts'
import type { Unvalidated } from './rules.ts'

/*
 * Copies a connector's signals before validation: plain objects with the known fields only, each field read once. So
 * what is validated is what is sent, whatever getters, proxies or further fields the original has. Redacts texts that
 * look like secrets. Truncates texts and lists that exceed the wire's limits, so that one long label does not cost a
 * whole entity.
 */

type Redact = (text: string) => string

/** Called when attributes were left out, since a signal has too many. */
type OnCut = (name: unknown, attributes: number) => void

/** Shared by the copies without attributes: most points have none. */
const NO_ATTRIBUTES: Readonly<Record<string, never>> = Object.freeze({})

export function sanitizeEntity(
  { type, id, name, attributes, relations }: Unvalidated<Entity>,
  redact: Redact,
  onCut: OnCut,
): Unvalidated<Entity> {
  return {
    type,
    id: wellFormed(id),
    name: typeof name === 'string' ? redactReported(name).toWellFormed() : name,
    attributes: sanitizeAttributes(attributes, redact, (count) => onCut(type, count)),
    relations: Array.isArray(relations) ? Array.from(relations, sanitizeRelation) : relations,
  }
}

/** Returns a function that copies points. Copies share the entity of consecutive points, and frozen attributes. */
export function createMetricSanitizer(
  redact: Redact,
): (metric: Unvalidated<Metric>, onCut: OnCut) => Unvalidated<Metric> {
  let newest: { readonly of: unknown; readonly copy: unknown } = { of: undefined, copy: undefined }
  const cache = new WeakMap<object, unknown>()
  const entityOf = (entity: unknown): unknown => {
    if (entity !== newest.of || !Object.isFrozen(entity)) newest = { of: entity, copy: sanitizeReference(entity) }
    return newest.copy
  }
  const attributesOf = (attributes: unknown, onCut: (count: number) => void): unknown => {
    if (typeof attributes !== 'object' || attributes === null || !Object.isFrozen(attributes))
      return sanitizeAttributes(attributes, redact, onCut)
    if (!cache.has(attributes)) cache.set(attributes, sanitizeAttributes(attributes, redact, onCut))
    return cache.get(attributes)
  }
  return ({ name, value, at, unit, kind, entity, attributes }, onCut) => {
    const copy = {
      name,
      value,
      unit,
      kind,
      entity: entityOf(entity),
      attributes: attributesOf(attributes, (count) => onCut(name, count)),
    }
    return at === undefined ? copy : { ...copy, at }
  }
}

export function sanitizeEvent(event: Unvalidated<Event>, redact: Redact, onCut: OnCut): Unvalidated<Event> {
  const { id, name, at, clock_offset_ms: offset, severity, entity, body, attributes } = event
  return {
    ...(id === undefined ? {} : { id: wellFormed(id) }),
    name,
    at,
    ...(offset === undefined ? {} : { clock_offset_ms: offset }),
    severity,
    entity: sanitizeReference(entity),
    body: typeof body === 'string' ? truncate(body, LIMITS.body, redact) : body,
    attributes: sanitizeAttributes(attributes, redact, (count) => onCut(name, count)),
  }
}

export function sanitizeGap({ scope, reason, since }: Unvalidated<Gap>): Unvalidated<Gap> {
  return { scope: wellFormed(scope), reason, ...(since === undefined ? {} : { since }) }
}

function sanitizeReference(reference: unknown): unknown {
  if (typeof reference !== 'object' || reference === null) return reference
  const { type, id } = reference as { readonly type?: unknown; readonly id?: unknown }
  return { type, id: wellFormed(id) }
}

function sanitizeRelation(relation: unknown): unknown {
  if (typeof relation !== 'object' || relation === null) return relation
  const { type, target } = relation as { readonly type?: unknown; readonly target?: unknown }
  return { type, target: sanitizeReference(target) }
}

/**
 * Copies attributes, without `undefined` ones and those beyond the limit. A list's holes become `undefined`, which
 * fails validation.
 */
function sanitizeAttributes(attributes: unknown, redact: Redact, onCut: (count: number) => void): unknown {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return undefined
  const names = Object.keys(attributes)
  if (names.length === 0) return NO_ATTRIBUTES
  const copy: Record<string, unknown> = {}
  let count = 0
  for (const name of names) {
    const value = (attributes as Readonly<Record<string, unknown>>)[name]
    if (value === undefined) continue
    count += 1
    if (count > LIMITS.attributes) continue
    // An assignment would set the prototype, and validation would not see the name.
    if (name === '__proto__') Object.defineProperty(copy, name, { value, enumerable: true })
    else copy[name] = sanitizeValue(name, value, redact)
  }
  if (count > LIMITS.attributes) onCut(count)
  return copy
}

function sanitizeValue(name: string, value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return shorten(redactLabel(name, value), LIMITS.attribute, redact)
  if (!Array.isArray(value)) return value
  const surplus = value.length - LIMITS.elements
  const kept = surplus > 0 ? [...value.slice(0, LIMITS.elements - 1), `… and ${surplus + 1} more`] : Array.from(value)
  return kept.map((element) => (typeof element === 'string' ? truncate(element, LIMITS.element, redact) : element))
}

/** Redacts a text, then truncates it: half of a secret is one too. */
export function truncate(text: string, maxLength: number, redact: Redact): string {
  return shorten(redactReported(text), maxLength, redact)
}

function shorten(text: string, maxLength: number, redact: Redact): string {
  return text.length <= maxLength
    ? text
    : `${redact(text)
        .slice(0, maxLength - 1)
        .toWellFormed()}…`
}

/** Replaces lone surrogates with U+FFFD: the platform refuses a whole report whose identifiers hold one. */
function wellFormed(value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value
}
