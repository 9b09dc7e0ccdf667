import { distance } from 'fastest-levenshtein'

/** Prefix of the platform's own variables. */
const PREFIX = 'RCA_'

/**
 * Returns variables that begin with `RCA_`, are not options, and resemble one, each with the option that was probably
 * meant. Other names are ignored: an agent may read them, or Kubernetes sets them for a service of that name.
 */
export function findMisspeltVariables(
  names: readonly string[],
  known: readonly string[],
): { readonly variable: string; readonly suggestion: string }[] {
  return names
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .flatMap((variable) => {
      const suggestion = nearest(variable, known)
      return suggestion === undefined ? [] : [{ variable, suggestion }]
    })
}

/** Compares names without the prefix, which most of them share. */
function nearest(name: string, known: readonly string[]): string | undefined {
  return known
    .map((candidate) => {
      const word = withoutPrefix(candidate)
      return { candidate, edits: distance(withoutPrefix(name), word), limit: Math.max(1, Math.floor(word.length / 3)) }
    })
    .filter(({ edits, limit }) => edits <= limit)
    .sort((left, right) => left.edits - right.edits)[0]?.candidate
}

function withoutPrefix(name: string): string {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name
}
