import { closest, distance } from 'fastest-levenshtein'

/** The known name that a person most likely meant, if one is near enough to be worth a guess. */
export function nearestName(written: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const nearest = closest(written, [...known])
  const mostChanges = Math.min(Math.max(2, Math.floor(nearest.length / 3)), nearest.length - 1)
  return distance(written, nearest) <= mostChanges ? nearest : undefined
}
