import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configJsonSchema } from '@rca/core'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { optionsTable, signalSections } from '../docs/signal-tables.ts'
import { buildPackage } from '../load-package.ts'

const BEGIN = '<!-- rca-connector docs -->'
const END = '<!-- /rca-connector docs -->'

/** Writes the tables of options and signals between the marks in README.md. */
export const docs: CliCommand = {
  summary: 'writes tables of options and signals into README.md',
  usage: '',
  flags: { check: { type: 'boolean', summary: 'writes nothing; fails if the tables are stale' } },
  run: async ({ folder, flags, print }) => {
    const found = await readConnectorPackage(folder)
    const file = join(found.folder, 'README.md')
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw new CliError(`${file} cannot be read. Write one with the lines ${BEGIN} and ${END}.`, { cause: error })
    })
    const [before, inside, after] = split(text, file)
    const { connector } = await buildPackage(found)
    const tables = [
      '## Options',
      optionsTable(configJsonSchema(connector.config), 'It has none of its own.'),
      ...signalSections(Object.values(connector.signals)),
    ].join('\n\n')
    if (inside.trim() === tables) {
      print('README.md is current.')
      return 0
    }
    if (flags.check === true) throw new CliError('README.md is stale. Run `rca-connector docs` and commit the result.')
    await writeFile(file, `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`)
    print('Wrote README.md.')
    return 0
  },
}

/** Returns the text before, between and after the marks. */
function split(text: string, file: string): [before: string, inside: string, after: string] {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin === -1 || end < begin)
    throw new CliError(`${file} needs two lines, ${BEGIN} and after it ${END}: the tables are written between them.`)
  return [text.slice(0, begin), text.slice(begin + BEGIN.length, end), text.slice(end + END.length)]
}
