import { closest, distance } from 'fastest-levenshtein'

/** Returns the most similar known name, or `undefined` if none is similar enough for a suggestion. */
export function nearestName(written: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const nearest = closest(written, [...known])
  const maxChanges = Math.min(Math.max(2, Math.floor(nearest.length / 3)), nearest.length - 1)
  return distance(written, nearest) <= maxChanges ? nearest : undefined
}
