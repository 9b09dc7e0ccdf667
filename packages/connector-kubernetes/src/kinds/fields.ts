/*
 * Servers of many versions answer, and extensions that nobody has seen: only what identifies an object must be there, everything
 * else may be missing. What is missing, null, or of another type than expected is left out.
 *
 * Plain functions in place of a schema: the projection of a pod takes a fraction of the time that zod takes for it, and happens with
 * every change of every pod.
 */

/** An object as a server wrote it. */
export type Fields = Readonly<Record<string, unknown>>

const NONE: Fields = Object.freeze({})

/** An object; an empty one for what is none. */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NONE
}

/** An object; `undefined` for what is none. */
export function maybeFields(value: unknown): Fields | undefined {
  const read = fields(value)
  return read === NONE ? undefined : read
}

/** The objects of a list. */
export function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields).filter((item) => item !== NONE) : []
}

/** A text that is not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** A count that servers leave out where it is 0. */
export function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

export function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** The texts of a list. */
export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** The texts of an object, such as labels. */
export function record(value: unknown): Readonly<Record<string, string>> {
  const read: Record<string, string> = {}
  for (const [name, item] of Object.entries(fields(value))) if (typeof item === 'string') read[name] = item
  return read
}

/** Texts without those that are missing, each once. */
export function present(values: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== undefined))]
}
