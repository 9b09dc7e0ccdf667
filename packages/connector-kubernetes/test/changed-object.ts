/** Path in an object: names, and numbers in lists. */
export type Path = readonly (string | number)[]

/** Returns a copy with another value at a path. Creates missing objects; `undefined` removes the value. */
export function withChange<Value>(object: Value, path: Path, value: unknown): Value {
  const [first, ...rest] = path
  if (first === undefined) return value as Value
  const copy = (Array.isArray(object) ? [...object] : { ...(object as object) }) as Record<string | number, unknown>
  const next = withChange(copy[first] ?? {}, rest, value)
  if (next === undefined) delete copy[first]
  else copy[first] = next
  return copy as Value
}
