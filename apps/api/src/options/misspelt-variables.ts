import { distance } from 'fastest-levenshtein'

/** What the names of the platform's own variables begin with. */
const PREFIX = 'RCA_'

/**
 * Variables that begin with `RCA_`, are not read, and look like one that is: a sentence for each. Others are left alone:
 * they may be an agent's, or those that Kubernetes sets for a service of that name.
 */
export function describeMisspelt(names: readonly string[], known: readonly string[]): string[] {
  return names
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .flatMap((name) => {
      const meant = nearest(name, known)
      return meant === undefined ? [] : [`\`${name}\` is not read. Did you mean \`${meant}\`?`]
    })
}

/** Compares without the prefix, which is alike in all of them and missing in some. */
function nearest(name: string, known: readonly string[]): string | undefined {
  return known
    .map((candidate) => {
      const word = withoutPrefix(candidate)
      return { candidate, changes: distance(withoutPrefix(name), word), most: Math.max(1, Math.floor(word.length / 3)) }
    })
    .filter(({ changes, most }) => changes <= most)
    .sort((left, right) => left.changes - right.changes)[0]?.candidate
}

function withoutPrefix(name: string): string {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name
}
