/**
 * Returns the files in a Markdown text: each code block that follows a line with a path at the beginning, such as
 * `` `src/index.ts`, the connector: ``.
 *
 * @returns path → content
 */
export function filesIn(markdown: string): ReadonlyMap<string, string> {
  const blocks = markdown.matchAll(/^`([^`\s]+\.[a-z]+)`[^\n]*\n\n```\w+\n(.*?)^```$/gms)
  return new Map([...blocks].map(([, path = '', content = '']) => [path, content]))
}

/** Returns the section below a heading, up to the next heading of the same or a higher level. */
export function sectionOf(markdown: string, heading: string): string {
  const [level = ''] = heading.split(' ', 1)
  const [, after] = markdown.split(`\n${heading}\n`, 2)
  if (after === undefined) throw new Error(`The text has no heading "${heading}"`)
  // Comments in shell blocks start with one `#`, headings of a section never do.
  return after.split(new RegExp(`^#{2,${level.length}} `, 'm'), 1)[0] ?? ''
}
