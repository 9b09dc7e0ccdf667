const MAX_VALUES = 20_000

let interned = new Map<string, unknown>()

/**
 * Returns an equal value that was interned before, or the value itself: pods of one workload have equal labels,
 * limits and mounts, and one copy is enough. Values must be JSON and are never modified.
 */
export function intern<Value>(value: Value): Value {
  const key = typeof value === 'string' ? value : JSON.stringify(value)
  const known = interned.get(key)
  if (known !== undefined) return known as Value
  // Values of deleted objects are dropped with all others: those in use are interned again soon.
  if (interned.size >= MAX_VALUES) interned = new Map()
  interned.set(key, value)
  return value
}
