import { type Entity, type Event, type Gap, SEVERITIES } from '../../connector/signals.ts'
import { LIMITS, timestampSchema } from '../../platform/protocol.ts'

/** Something of which nothing is known but which fields it should have. */
export type Unknown<Shape> = { readonly [Key in keyof Shape]?: unknown }

const KNOWN_SEVERITIES: ReadonlySet<unknown> = new Set(SEVERITIES)

/** Why something does not point at an entity. */
export function referenceProblem(reference: unknown): string | undefined {
  if (typeof reference !== 'object' || reference === null) return 'has no entity'
  const { type, id } = reference as Unknown<Entity>
  if (typeof type !== 'string' || type === '' || type.length > LIMITS.name)
    return 'points at an entity without a proper type'
  if (typeof id !== 'string' || id === '' || id.length > LIMITS.identifier)
    return `points at an entity of type \`${type}\` whose id is empty, too long or no text`
  return undefined
}

/** Why a record does not hold the attributes that were declared. */
export function attributesProblem(
  attributes: unknown,
  isDeclared: (name: string) => boolean,
  redact: (text: string) => string,
): string | undefined {
  if (typeof attributes !== 'object' || attributes === null) return 'has no attributes'
  for (const name in attributes) {
    if (!isDeclared(name)) return `has the attribute ${shown(name, redact)}, which is not declared`
    if (!isAttributeValue((attributes as Record<string, unknown>)[name]))
      return `has an attribute ${shown(name, redact)} that is no text, finite number, boolean or list of texts`
  }
  return undefined
}

function isAttributeValue(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.length <= LIMITS.attribute
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
      return true
    default:
      return (
        Array.isArray(value) &&
        value.length <= LIMITS.elements &&
        value.every((element) => typeof element === 'string' && element.length <= LIMITS.element)
      )
  }
}

/** Why something is not a name for people. */
export function nameProblem(name: unknown): string | undefined {
  return typeof name === 'string' && name.length <= LIMITS.identifier
    ? undefined
    : 'has no name or one that is too long'
}

/** Why something is not a list of the relations that were declared. */
export function relationsProblem(
  relations: unknown,
  isDeclared: (type: string) => boolean,
  redact: (text: string) => string,
): string | undefined {
  if (!Array.isArray(relations)) return 'has no list of relations'
  if (relations.length > LIMITS.relations) return `has more than ${LIMITS.relations} relations`
  for (const relation of relations as { type?: unknown; target?: unknown }[]) {
    if (typeof relation?.type !== 'string') return 'has a relation without a type'
    if (!isDeclared(relation.type)) return `has the relation ${shown(relation.type, redact)}, which is not declared`
    const problem = referenceProblem(relation.target)
    if (problem !== undefined) return `has a relation \`${relation.type}\` that ${problem}`
  }
  return undefined
}

/** Why an event did not properly happen. */
export function occurrenceProblem(event: Unknown<Event>, redact: (text: string) => string): string | undefined {
  if (!isTimestamp(event.at)) return 'has an `at` that is no ISO 8601 time in UTC'
  if (!KNOWN_SEVERITIES.has(event.severity)) return `has the unknown severity ${shown(event.severity, redact)}`
  if (typeof event.body !== 'string') return 'has no body'
  if (event.id !== undefined && (typeof event.id !== 'string' || event.id === '' || event.id.length > LIMITS.name))
    return 'has an id that is empty, too long or no text'
  return undefined
}

/** Why something is not a gap. */
export function gapProblem(gap: Unknown<Gap>): string | undefined {
  if (typeof gap.scope !== 'string' || gap.scope === '' || gap.scope.length > LIMITS.identifier)
    return 'a gap has no proper scope'
  if (typeof gap.reason !== 'string') return `the gap \`${gap.scope}\` has no reason`
  if (gap.since !== undefined && !isTimestamp(gap.since))
    return `the gap \`${gap.scope}\` has a \`since\` that is no ISO 8601 time in UTC`
  return undefined
}

/** A piece of what a connector said, for a sentence about it. */
export function shown(value: unknown, redact: (text: string) => string): string {
  let text: string
  try {
    text = String(value)
  } catch {
    // An object without a prototype, or with a `toString` of its own that fails.
    text = typeof value
  }
  return `\`${redact(text).slice(0, 100)}\``
}

function isTimestamp(value: unknown): boolean {
  return timestampSchema.safeParse(value).success
}
