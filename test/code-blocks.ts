/**
 * The files that a Markdown text shows: each code block whose preceding line starts with its path, as in
 * `` `src/index.ts`, the connector: ``.
 *
 * @returns path → content
 */
export function filesIn(markdown: string): ReadonlyMap<string, string> {
  const blocks = markdown.matchAll(/^`([^`\s]+\.[a-z]+)`[^\n]*\n\n```\w+\n(.*?)^```$/gms)
  return new Map([...blocks].map(([, path = '', content = '']) => [path, content]))
}

/** A Markdown text's section under this heading, up to the next one of the same or a higher level. */
export function sectionOf(markdown: string, heading: string): string {
  const [level = ''] = heading.split(' ', 1)
  const [, after] = markdown.split(`\n${heading}\n`, 2)
  if (after === undefined) throw new Error(`There is no heading "${heading}"`)
  // Comments in shell blocks start with one `#`, headings of a section never do.
  return after.split(new RegExp(`^#{2,${level.length}} `, 'm'), 1)[0] ?? ''
}
