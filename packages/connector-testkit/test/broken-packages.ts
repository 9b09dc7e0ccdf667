import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { type Check, checks, runChecks, vary } from '../src/index.ts'
import { queues, scenario } from './queues-connector.ts'

const manifest = {
  contract: 1,
  type: 'acme/queues',
  title: 'Acme queues',
  description: 'Watch the queues of an Acme broker',
}

const permissions = {
  'GET /broker': 'Reads the name and the regions of the broker.',
  'GET /queues': 'Reads queues.',
  'GET /alerts': 'Follows alerts.',
  'PUT /leader': 'Elects a leader.',
  'DELETE /leader': 'Elects a leader.',
}

const packageJson = {
  name: '@acme/rca-connector-queues',
  version: '1.0.0',
  license: 'MIT',
  type: 'module',
  exports: { '.': './index.js' },
  files: ['index.js'],
  engines: { node: '>=20.19' },
  dependencies: { 'acme-client': '1' },
  peerDependencies: { '@rca/core': '0.x' },
  rca: manifest,
  'rca-kit': { permissions },
}

/** A connector of another copy of core, which exports itself under a name. */
const code = `const schema = { type: 'object', properties: {} }
const config = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => schema } } }
const define = () => Object.defineProperty(
  { contract: 1, type: 'acme/queues', title: 'T', description: 'D', config, signals: {}, collectors: {} },
  Symbol.for('rca.connector'),
  { value: true },
)
export const connector = define()
`

/** One good package with one fault. */
export interface BrokenPackage {
  readonly json?: object
  readonly code?: string
  readonly files?: Readonly<Record<string, string>>
  readonly connector?: typeof queues
}

/** The package that fails a check, and no other one. */
export const brokenPackages: Readonly<Record<string, BrokenPackage>> = {
  'MAN-present': { json: { rca: undefined } },
  'MAN-valid': { json: { rca: { ...manifest, contract: 2 } } },
  'MAN-keys': { json: { rca: { ...manifest, icon: 'x.svg' } } },
  'MAN-vendor': { json: { rca: { ...manifest, type: 'queues' } }, connector: vary(queues, { type: 'queues' }) },
  'MAN-module': { json: { rca: { ...manifest, module: './missing' } } },
  'MAN-same-type': { json: { rca: { ...manifest, type: 'acme/topics' } } },
  'MAN-same-title': { json: { rca: { ...manifest, title: 'Other' } } },
  'MAN-same-description': { json: { rca: { ...manifest, description: 'Other' } } },
  'MAN-peer': { json: { peerDependencies: {}, dependencies: { '@rca/core': '0.x' } } },
  'MAN-files': { json: { files: undefined } },
  'MAN-engines': { json: { engines: { node: '>=24' } } },
  'LOAD-ends': { code: `${code}await new Promise(() => undefined)` },
  'LOAD-works': { code: `${code}throw new Error('no such file')` },
  'LOAD-fast': { code: `${code}const start = process.cpuUsage()\nwhile (process.cpuUsage(start).user < 1_550_000);` },
  'LOAD-lazy': {
    code: `import 'acme-client'\n${code}`,
    files: {
      'node_modules/acme-client/package.json': '{ "name": "acme-client", "exports": "./index.js" }',
      'node_modules/acme-client/index.js': 'exports.client = 1',
    },
  },
  'LOAD-globals': { code: `${code}Object.defineProperty(Array.prototype, 'last', { value() {} })` },
  'LOAD-handles': { code: `${code}setInterval(() => undefined, 60_000)` },
  'LOAD-one': { code: `${code}export const other = define()` },
  'DEP-least': { json: { 'rca-kit': { permissions: { ...permissions, 'GET /users': 'Reads users.' } } } },
  'LOAD-silent': { code: `${code}console.log('loaded')` },
}

/** Ids of checks of a package. The others are checks of the connector's code. */
export const OF_PACKAGE = /^(?:(?:MAN|LOAD)-|DEP-least$)/

/** Writes a package into a temporary directory. */
export function packageFolder({ json = {}, code: source = code, files = {} }: BrokenPackage): string {
  const root = temporaryDirectory()
  root.write('package.json', JSON.stringify({ ...packageJson, ...json }))
  root.write('README.md', '# Queues')
  root.write('index.js', source)
  for (const [file, text] of Object.entries(files)) root.write(file, text)
  return root.path
}

export const nodeArguments: readonly string[] = ['--conditions=@rca/source']

/** Checks of a package. `DEP-least` compares it with what the connector does in the scenario. */
export const packageChecks: readonly Check[] = checks(queues).filter(({ id }) => OF_PACKAGE.test(id))

/** Returns the checks of a package that fail, of those whose id has a prefix. */
export async function failuresOf(broken: BrokenPackage, prefix = ''): Promise<string[]> {
  const options = { packageFolder: packageFolder(broken), nodeArguments, scenarios: [scenario] }
  const ids = new Set(packageChecks.map(({ id }) => id).filter((id) => id.startsWith(prefix)))
  const results = await runChecks(checks(broken.connector ?? queues, options).filter(({ id }) => ids.has(id)))
  return results.filter(({ status }) => status === 'failed' || status === 'warned').map(({ id }) => id)
}
