import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CORE = fileURLToPath(new URL('../../../../packages/core', import.meta.url))

/** One good package with one fault. Its connector has the type `acme/<name>`, its package the name `rca-<name>`. */
export interface BrokenPackage {
  /** Fields of package.json. */
  readonly json?: object
  /** Fields of `rca` in package.json; `undefined` leaves one out. */
  readonly manifest?: object
  /** Statements before the connector is defined. It may change `parts`, `config` and `signals`. */
  readonly code?: string
  /** The whole module, instead of one that defines a connector. */
  readonly module?: string
}

/** A module that defines a connector of a host. `parts` replaces parts of it. */
export function moduleOf(name: string, { code = '', module }: BrokenPackage): string {
  if (module !== undefined) return module
  return `import { command, defineConnector, entity, event, metric } from '@rca/core/connector'
const input = { type: 'object', properties: {} }
let config = { '~standard': { version: 1, vendor: 'acme', validate: (value) => ({ value }), jsonSchema: { input: () => input } } }
const host = entity({ type: 'acme.host', description: 'A host.', attributes: { color: 'Color.' }, relations: { part_of: 'Its site.' } })
const load = metric({ name: 'acme.load', unit: '1', kind: 'gauge', description: 'Load.' })
const jobs = metric({ name: 'acme.jobs', unit: '{job}', kind: 'counter', description: 'Jobs.' })
const noted = event({ name: 'acme.noted', severity: 'info', description: 'Something happened.' })
const own = host.reference('host-${name}')
const signals = { host, load, jobs, noted }
const note = (fields) => ({ ...noted.event({ at: new Date(), entity: own, body: 'Noted.' }), ...fields })
const parts = { collectors: {}, watchers: {} }
const collect = (bad, options) => { parts.collectors.bad = { collect: bad, ...options } }
let round = 0
${code}
export const connector = defineConnector({
  type: 'acme/${name}', title: 'Acme', description: 'Watch Acme.', config, signals,
  deploy: ({ platformUrl, agentToken }) => ({
    prerequisites: ['a host'], command: command('install', platformUrl, agentToken),
    verify: command('check'), uninstall: command('remove'),
  }),
  connect: async () => ({}),
  identify: async () => ({ id: '${name}', name: '${name}', entity: own }),
  ...parts,
  collectors: {
    good: { collect: async () => ({ entities: [host.entity({ id: own.id })], metrics: [load.point(++round, own)] }) },
    ...parts.collectors,
  },
})
`
}

/** Installs packages in a folder, beside this repository's core. Returns its path and a function that removes it. */
export function installPackages(packages: Readonly<Record<string, BrokenPackage>>): {
  readonly folder: string
  remove(): void
} {
  const folder = mkdtempSync(join(tmpdir(), 'rca-broken-'))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const [name, broken] of Object.entries(packages)) {
    const manifest = {
      contract: 1,
      type: `acme/${name}`,
      title: 'Acme',
      description: 'Watch Acme.',
      ...broken.manifest,
    }
    const json = { name: `rca-${name}`, version: '1.2.3', type: 'module', exports: './index.js', rca: manifest }
    write(`node_modules/rca-${name}/package.json`, JSON.stringify({ ...json, ...broken.json }))
    write(`node_modules/rca-${name}/index.js`, moduleOf(name, broken))
    write(`node_modules/rca-${name}/index.ts`, 'export const connector: number = 1')
  }
  const dependencies = Object.fromEntries(Object.keys(packages).map((name) => [`rca-${name}`, '*']))
  write('package.json', JSON.stringify({ dependencies }))
  mkdirSync(join(folder, 'node_modules/@rca'))
  symlinkSync(CORE, join(folder, 'node_modules/@rca/core'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
