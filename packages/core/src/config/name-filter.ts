/** Returns true for the names that are wanted. */
export type NameFilter = (name: string) => boolean

/** Wants every name that no pattern matches. `*` stands for any text, slashes included. */
export function excluding(patterns: readonly string[]): NameFilter {
  const matches = matching(patterns)
  return (name) => !matches(name)
}

/** Wants every name that a pattern matches. Answers are remembered: the same few names come back every round. */
export function matching(patterns: readonly string[]): NameFilter {
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.split('*').map(escapeExpression).join('.*')}$`, 's'),
  )
  const answers = new Map<string, boolean>()
  return (name) => {
    const remembered = answers.get(name)
    if (remembered !== undefined) return remembered
    if (answers.size > 10_000) answers.clear()
    const answer = expressions.some((expression) => expression.test(name))
    answers.set(name, answer)
    return answer
  }
}

function escapeExpression(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}
