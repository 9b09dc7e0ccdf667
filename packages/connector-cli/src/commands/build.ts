import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { buildPackage } from '../load-package.ts'

/** Compiles `src` into `dist`. */
export const build: CliCommand = {
  summary: 'compiles src into dist',
  usage: '',
  run: async ({ folder }) => {
    await buildPackage(await readConnectorPackage(folder))
    return 0
  },
}
