/** Most values that are remembered. */
const MOST = 20_000

let shared = new Map<string, unknown>()

/**
 * The value itself, or an equal one that was shared before: pods of one workload have equal labels, limits and mounts, of which
 * one copy is enough. Values must be JSON, and are never written to.
 */
export function intern<Value>(value: Value): Value {
  const key = typeof value === 'string' ? value : JSON.stringify(value)
  const known = shared.get(key)
  if (known !== undefined) return known as Value
  // Those that are gone from the cluster are forgotten with the others: what is in use is soon here again.
  if (shared.size >= MOST) shared = new Map()
  shared.set(key, value)
  return value
}
