/**
 * The literal parts of a template as the shell shall see them, from its raw strings: backslashes stay, except those that
 * JavaScript itself demands before a backtick and before a dollar sign with a brace. Blank space around the template is
 * cut off, and so is the indentation that all its lines share. Where text stands on the template's opening line, the
 * lines below it keep two spaces.
 */
export function readLiterals(raw: readonly string[]): string[] {
  const literals = raw.map((literal) => literal.replaceAll(/\\(`|\$\{)/g, '$1'))
  const shared = sharedIndentation(literals)
  const kept = shared > 0 && hasTextOnOpeningLine(literals) ? '  ' : ''
  const dedented = literals.map((literal) =>
    literal.replaceAll(/\n([ \t]*)/g, (_line, indentation: string) => `\n${kept}${indentation.slice(shared)}`),
  )
  dedented[0] = (dedented[0] ?? '').replace(/^[ \t\n]+/, '')
  dedented.push((dedented.pop() ?? '').replace(/[ \t\n]+$/, ''))
  return dedented
}

function sharedIndentation(literals: readonly string[]): number {
  const indentations = literals.flatMap((literal, index) =>
    [...literal.matchAll(/\n([ \t]*)/g)]
      .filter((match) => {
        const next = literal[match.index + match[0].length]
        return next === undefined ? index < literals.length - 1 : next !== '\n'
      })
      .map((match) => match[1]?.length ?? 0),
  )
  return indentations.length === 0 ? 0 : Math.min(...indentations)
}

function hasTextOnOpeningLine(literals: readonly string[]): boolean {
  const [openingLine = '', ...others] = (literals[0] ?? '').split('\n')
  return openingLine.trim() !== '' || (others.length === 0 && literals.length > 1)
}
