import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { permissionsOf } from '@rca/connector-testkit'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { replaceSections, sectionsOf } from '../docs/readme-sections.ts'
import { buildPackage } from '../load-package.ts'

/** Writes the tables of options, signals and permissions between the marks in README.md. */
export const docs: CliCommand = {
  summary: 'writes tables of options, signals and permissions into README.md',
  usage: '',
  flags: { check: { type: 'boolean', summary: 'writes nothing; fails if the tables are stale' } },
  run: async ({ folder, flags, print }) => {
    const found = await readConnectorPackage(folder)
    const file = join(found.folder, 'README.md')
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw new CliError(
        `${file} cannot be read. Write one with the lines <!-- rca-connector docs --> and <!-- /rca-connector docs -->.`,
        { cause: error },
      )
    })
    const permissions = readPermissions(await readFile(join(found.folder, 'package.json'), 'utf8'))
    const { connector } = await buildPackage(found)
    const current = replaceSections(text, sectionsOf(connector, permissions), file)
    if (current === text) {
      print('README.md is current.')
      return 0
    }
    if (flags.check === true) throw new CliError('README.md is stale. Run `rca-connector docs` and commit the result.')
    await writeFile(file, current)
    print('Wrote README.md.')
    return 0
  },
}

/** @throws {CliError} if a permission has no sentence */
function readPermissions(packageJson: string): ReturnType<typeof permissionsOf> {
  try {
    return permissionsOf(JSON.parse(packageJson))
  } catch (error) {
    throw new CliError(`${(error as Error).message}.`, { cause: error })
  }
}
