import { type Entity, type Event, type Gap, SEVERITIES } from '../../connector/signals.ts'
import { hasFewValues, LIMITS, timestampSchema } from '../../platform/protocol.ts'

/** A value that should have the fields of `Shape`, before validation. */
export type Unvalidated<Shape> = { readonly [Key in keyof Shape]?: unknown }

const KNOWN_SEVERITIES: ReadonlySet<unknown> = new Set(SEVERITIES)

export function referenceProblem(reference: unknown): string | undefined {
  if (typeof reference !== 'object' || reference === null) return 'has no entity'
  const { type, id } = reference as Unvalidated<Entity>
  if (typeof type !== 'string' || type === '' || type.length > LIMITS.name)
    return 'references an entity without a valid type'
  if (typeof id !== 'string' || id === '' || id.length > LIMITS.identifier)
    return `references an entity of type \`${type}\` whose id is empty, too long or not a string`
  return undefined
}

export function attributesProblem(
  attributes: unknown,
  isDeclared: (name: string) => boolean,
  redact: (text: string) => string,
): string | undefined {
  if (typeof attributes !== 'object' || attributes === null) return 'has no attributes'
  for (const name in attributes) {
    if (!isDeclared(name)) return `has the attribute ${quote(name, redact)}, which is not declared`
    if (!isAttributeValue((attributes as Record<string, unknown>)[name]))
      return `has an attribute ${quote(name, redact)} that is not a string, finite number, boolean or list of strings`
  }
  if (!hasFewValues(attributes as Record<string, unknown>))
    return `has more than ${LIMITS.values} values in its attributes`
  return undefined
}

/** A character of JSON has at most so many bytes: that of an escape. */
const MAX_BYTES_PER_CHARACTER = 6

/** Checks the size of a signal's JSON, which is exact only where a signal may be too large. */
export function sizeProblem(signal: unknown, list: string): string | undefined {
  if (MAX_BYTES_PER_CHARACTER * lengthOf(signal) <= LIMITS.signal) return undefined
  const bytes = Buffer.byteLength(JSON.stringify(signal))
  return bytes <= LIMITS.signal
    ? undefined
    : `\`${list}\` contains a signal of ${bytes} bytes; at most ${LIMITS.signal} fit into a report`
}

/** Returns at least the number of characters of a value's JSON. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 3
  if (typeof value !== 'object' || value === null) return 25
  let length = 2
  for (const name in value) length += name.length + 4 + lengthOf((value as Readonly<Record<string, unknown>>)[name])
  return length
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

export function nameProblem(name: unknown): string | undefined {
  return typeof name === 'string' && name.length <= LIMITS.identifier
    ? undefined
    : 'has no name, or a name that is too long'
}

export function relationsProblem(
  relations: unknown,
  isDeclared: (type: string) => boolean,
  redact: (text: string) => string,
): string | undefined {
  if (!Array.isArray(relations)) return 'has no list of relations'
  if (relations.length > LIMITS.relations) return `has more than ${LIMITS.relations} relations`
  for (const relation of relations as { type?: unknown; target?: unknown }[]) {
    if (typeof relation?.type !== 'string') return 'has a relation without a type'
    if (!isDeclared(relation.type)) return `has the relation ${quote(relation.type, redact)}, which is not declared`
    const problem = referenceProblem(relation.target)
    if (problem !== undefined) return `has a relation \`${relation.type}\` that ${problem}`
  }
  return undefined
}

/** Age above which a point is left out: the platform may have removed the points of that time. */
const MAX_POINT_AGE_MS = 7 * 86_400_000

/** Difference between two clocks that the platform tolerates. */
const MAX_CLOCK_DIFFERENCE_MS = 300_000

/** Checks the time of a point. @param now time of this machine, in milliseconds since 1970 */
export function pointTimeProblem(at: unknown, now: number): string | undefined {
  if (!isTimestamp(at)) return 'has an `at` that is not an ISO 8601 time in UTC'
  const age = now - Date.parse(at)
  if (age < -MAX_CLOCK_DIFFERENCE_MS) return "has an `at` more than 5 minutes ahead of this machine's clock"
  return age > MAX_POINT_AGE_MS ? 'has an `at` more than 7 days ago' : undefined
}

export function eventProblem(event: Unvalidated<Event>, redact: (text: string) => string): string | undefined {
  if (!isTimestamp(event.at)) return 'has an `at` that is not an ISO 8601 time in UTC'
  if (event.clock_offset_ms !== undefined && !Number.isFinite(event.clock_offset_ms))
    return 'has a `clock_offset_ms` that is not a finite number'
  if (!KNOWN_SEVERITIES.has(event.severity)) return `has the unknown severity ${quote(event.severity, redact)}`
  if (typeof event.body !== 'string') return 'has no body'
  if (event.id !== undefined && (typeof event.id !== 'string' || event.id === '' || event.id.length > LIMITS.name))
    return 'has an id that is empty, too long or not a string'
  return undefined
}

export function gapProblem(gap: Unvalidated<Gap>): string | undefined {
  if (typeof gap.scope !== 'string' || gap.scope === '' || gap.scope.length > LIMITS.identifier)
    return 'a gap has no valid scope'
  if (typeof gap.reason !== 'string') return `the gap \`${gap.scope}\` has no reason`
  if (gap.since !== undefined && !isTimestamp(gap.since))
    return `the gap \`${gap.scope}\` has a \`since\` that is not an ISO 8601 time in UTC`
  return undefined
}

/** Quotes a connector's value in a message: redacted and of bounded length. */
export function quote(value: unknown, redact: (text: string) => string): string {
  let text: string
  try {
    text = String(value)
  } catch {
    // An object without a prototype, or with a `toString` that throws.
    text = typeof value
  }
  return `\`${redact(text).slice(0, 100)}\``
}

function isTimestamp(value: unknown): value is string {
  return timestampSchema.safeParse(value).success
}
