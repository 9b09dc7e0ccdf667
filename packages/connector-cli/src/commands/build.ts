import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { buildPackage } from '../load-package.ts'

/** Compiles `src` into `dist`, and writes `rca.json`. */
export const build: CliCommand = {
  summary: 'compiles src into dist, and writes rca.json',
  usage: '',
  run: async ({ folder }) => {
    await buildPackage(await readConnectorPackage(folder))
    return 0
  },
}
