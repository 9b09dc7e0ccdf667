import type { CliCommand } from '../command.ts'
import { compile } from '../compiler.ts'
import { readConnectorPackage } from '../connector-package.ts'

/** Compiles `src` into `dist`. */
export const build: CliCommand = {
  summary: 'compiles src into dist',
  usage: '',
  run: async ({ folder }) => {
    const { folder: home } = await readConnectorPackage(folder)
    await compile(home, { sources: ['src'], root: 'src', output: 'dist', declarations: true })
    return 0
  },
}
