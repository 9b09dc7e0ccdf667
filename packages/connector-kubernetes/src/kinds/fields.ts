/*
 * Readers of unchecked JSON. Servers have many versions and unknown extensions: only the identity of an object is
 * required, and a value that is missing, null, or of an unexpected type is left out.
 *
 * Plain functions instead of a schema: a pod is projected on each of its changes, in a fraction of the time that zod
 * takes.
 */

/** An unchecked JSON object. */
export type Fields = Readonly<Record<string, unknown>>

const NONE: Fields = Object.freeze({})

/** Returns an object, an empty one for any other value. */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NONE
}

/** Returns an object, `undefined` for any other value. */
export function maybeFields(value: unknown): Fields | undefined {
  const read = fields(value)
  return read === NONE ? undefined : read
}

/** Returns the parts that most objects have. */
export function partsOf(raw: unknown): { readonly metadata: Fields; readonly spec: Fields; readonly status: Fields } {
  const { metadata, spec, status } = fields(raw)
  return { metadata: fields(metadata), spec: fields(spec), status: fields(status) }
}

/** Returns the objects of a list. */
export function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields).filter((item) => item !== NONE) : []
}

/** Returns a text that is not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** Returns a count, which servers leave out if it is 0. */
export function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

export function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** Returns the texts of a list. */
export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** Returns the texts of an object, such as labels. */
export function record(value: unknown): Readonly<Record<string, string>> {
  const read: Record<string, string> = {}
  for (const [name, item] of Object.entries(fields(value))) if (typeof item === 'string') read[name] = item
  return read
}

/** Returns the present texts without duplicates. */
export function present(values: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== undefined))]
}
