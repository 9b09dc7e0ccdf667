import { type Connector, configJsonSchema } from '@rca/core'
import { CliError } from '../cli-error.ts'
import { optionsTable, permissionsSection, signalSections } from './signal-tables.ts'

/** Parts of a README that are written from the connector. */
export const SECTIONS = ['options', 'signals', 'permissions'] as const

/** Text of each part, with its headings. */
export type Sections = Readonly<Record<(typeof SECTIONS)[number], string>>

/** Returns the parts for a connector, and the permissions that its package declares. */
export function sectionsOf(
  { config, signals }: Pick<Connector, 'config' | 'signals'>,
  permissions: ReadonlyMap<string, string> | undefined,
): Sections {
  return {
    options: `## Options\n\n${optionsTable(configJsonSchema(config), 'It has none of its own.')}`,
    signals: signalSections(Object.values(signals)).join('\n\n'),
    permissions: permissionsSection(permissions),
  }
}

const END = '<!-- /rca-connector docs -->'
const PLACE = new RegExp(
  `(?<begin><!-- rca-connector docs(?: (?<name>${SECTIONS.join('|')}))? -->)(?:(?!<!-- rca-connector docs).)*?${END}`,
  'gs',
)

/**
 * Replaces the texts between marks: `<!-- rca-connector docs -->` is followed by all parts with headings,
 * `<!-- rca-connector docs permissions -->` by the table of that part alone, and both end with
 * `<!-- /rca-connector docs -->`. A text that differs in the width of columns alone stays.
 *
 * @throws {CliError} if the text has no such marks
 */
export function replaceSections(text: string, sections: Sections, file: string): string {
  let count = 0
  const replaced = text.replaceAll(PLACE, (...match) => {
    const { begin, name } = match.at(-1) as { readonly begin: string; readonly name?: keyof Sections }
    const before = String(match[0])
    count += 1
    const all = SECTIONS.map((each) => sections[each]).filter((section) => section !== '')
    const after = [begin, name === undefined ? all.join('\n\n') : withoutHeading(sections[name]), END]
      .filter((part) => part !== '')
      .join('\n\n')
    return withoutPadding(before) === withoutPadding(after) ? before : after
  })
  if (count > 0) return replaced
  throw new CliError(
    `${file} needs two lines, <!-- rca-connector docs --> and after it ${END}: the tables are written between them.`,
  )
}

/** Leaves the first heading to the author. */
function withoutHeading(section: string): string {
  return section.replace(/^#+ .*\n+/, '')
}

/** Formatters of Markdown align the columns of tables. */
function withoutPadding(text: string): string {
  return text.replaceAll(/ +\|/g, ' |').replaceAll(/-{3,}/g, '---')
}
