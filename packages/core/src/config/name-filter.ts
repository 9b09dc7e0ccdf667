/** Returns true for names to keep. */
export type NameFilter = (name: string) => boolean

/** Keeps names that match no pattern. `*` matches any text, including slashes. */
export function excludeNames(patterns: readonly string[]): NameFilter {
  const matches = includeNames(patterns)
  return (name) => !matches(name)
}

/** Keeps names that match a pattern. Caches results, since every collection cycle asks for the same names. */
export function includeNames(patterns: readonly string[]): NameFilter {
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.split('*').map(escapeExpression).join('.*')}$`, 's'),
  )
  const results = new Map<string, boolean>()
  return (name) => {
    const cached = results.get(name)
    if (cached !== undefined) return cached
    if (results.size > 10_000) results.clear()
    const result = expressions.some((expression) => expression.test(name))
    results.set(name, result)
    return result
  }
}

function escapeExpression(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}
