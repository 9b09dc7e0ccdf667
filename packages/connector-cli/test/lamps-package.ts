import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cliPackage = fileURLToPath(new URL('..', import.meta.url))

/** The `package.json` of the package. */
export const manifest = {
  name: 'lamps',
  version: '0.1.0',
  license: 'MIT',
  type: 'module',
  exports: { '.': './dist/index.js', './package.json': './package.json' },
  files: ['dist', 'rca.json'],
  rca: { contract: 1, type: 'example/lamps', title: 'Lamps', description: 'Watches lamps' },
}

/** `src/index.ts`, without `src/lamp.ts`, from which it imports `lamp`. */
export const CONNECTOR = `
import { command, defineConnector, entity, metric, option } from '@rca/core/connector'
import { z } from 'zod'
import { lamp } from './lamp.ts'

const signals = {
  lamp: entity({ type: 'example.lamp', description: 'A lamp.' }),
  power: metric({ name: 'example.lamp.power', unit: 'W', kind: 'gauge', description: 'Power of the lamp.' }),
}

export const lamps = defineConnector({
  type: 'example/lamps',
  title: 'Lamps',
  description: 'Watches lamps',
  config: z.object({
    lamp_url: z.string().default('http://lamp').describe('Address of the lamp.'),
    lamp_token: option.secret().optional().describe('Token of the lamp.'),
  }),
  signals,
  deploy: () => ({ command: command('rca-agent') }),
  connect: async ({ config }) => {
    const answer = await fetch(config.lamp_url, { headers: { authorization: config.lamp_token ?? '' } })
    if (!answer.ok) throw new Error('the lamp answers ' + answer.status)
    return lamp
  },
  identify: async () => ({ id: 'lamp', name: 'lamp', entity: signals.lamp.reference('lamp') }),
  collectors: { power: { collect: async () => ({ entities: [signals.lamp.entity({ id: 'lamp' })] }) } },
})
`
const tsconfig = { extends: '@rca/connector-cli/tsconfig.json', include: ['src', 'test'] }

/** A folder for the package of a connector. */
export interface LampsPackage {
  readonly folder: string
  /** Writes a file, by its path in the folder. */
  write(path: string, text: string): void
  /** Links a package of this repository, or a dependency of the command, as npm would install it. */
  install(name: string): void
  /** Writes a package with the dependencies that npm would install, but for `src/lamp.ts`. */
  writePackage(): void
  remove(): void
}

/** Makes an empty folder for the package of a connector. */
export function lampsPackage(): LampsPackage {
  const folder = mkdtempSync(join(tmpdir(), 'rca-cli-'))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const install = (name: string): void => {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(name === '@rca/connector-cli' ? cliPackage : realpathSync(join(cliPackage, 'node_modules', name)), link)
  }
  return {
    folder,
    write,
    install,
    writePackage: () => {
      write('package.json', JSON.stringify(manifest))
      write('LICENSE', 'MIT')
      write('README.md', '# Lamps\n\n<!-- rca-connector docs -->\n<!-- /rca-connector docs -->\n\nEnd\n')
      write('src/index.ts', CONNECTOR)
      write('tsconfig.json', JSON.stringify(tsconfig))
      for (const name of ['@rca/connector-cli', '@rca/core', 'zod', '@types/node']) install(name)
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
