import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'rolldown'
import { STATIC_DESCRIPTION_FILE } from '../../packages/core/src/registry/static-description.ts'
import { describeConnector } from '../connector-description.ts'
import type { ArchiveFile } from './archive.ts'
import { type BundledPackage, packageOf } from './bundled-package.ts'

/** The agent as files below `app/` of an archive. */
export interface Bundle {
  readonly files: readonly ArchiveFile[]
  /** Packages whose code the bundle contains, including those of this repository. */
  readonly packages: readonly BundledPackage[]
}

interface ConnectorPackage {
  readonly name: string
  readonly version: string
  readonly rca: unknown
}

/** Native addons that a library loads if they exist. It works without them. */
const NATIVE = ['cpu-features', /\.node$/]

/**
 * Bundles the agent's sources with everything that they import, as modules that are loaded when they are needed.
 * Packages that the agent looks up by name stay packages: its connectors, and core for connectors of others.
 */
export async function bundleAgent(root: string, version: string): Promise<Bundle> {
  const connectors = connectorsOf(root)
  const descriptions = await Promise.all(connectors.map(({ name }) => descriptionOf(root, name, version)))
  const input = {
    main: 'apps/agent/src/main.ts',
    healthcheck: 'apps/agent/src/healthcheck.ts',
    core: 'packages/core/src/index.ts',
    'core-connector': 'packages/core/src/connector/index.ts',
    'core-protocol': 'packages/core/src/platform/protocol.ts',
    ...Object.fromEntries(connectors.map(({ name }) => [fileOf(name), sourceOf(root, name)])),
  }
  const { output } = await build({
    cwd: root,
    input,
    platform: 'node',
    external: NATIVE,
    resolve: { conditionNames: ['@rca/source', 'node', 'import', 'default'] },
    // CommonJS code finds its folder by these names, which modules lack.
    transform: { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } },
    write: false,
    output: {
      format: 'esm',
      minify: true,
      comments: false,
      // V8 keeps the text of modules: two bytes for each character, if one of them is not ASCII.
      charset: 'ascii',
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
    },
  })
  const chunks = output.filter((file) => file.type === 'chunk')
  const packages = new Map(
    chunks
      .flatMap(({ moduleIds }) => moduleIds)
      .map((id) => packageOf(id))
      .filter((found) => found !== undefined)
      .map((found) => [`${found.name}@${found.version}`, found]),
  )
  return {
    files: [
      // Core reads its version from here: one folder above its code, as everywhere.
      json('app/package.json', {
        name: '@rca/agent',
        version,
        private: true,
        type: 'module',
        // `npm install --prefix` removes packages that are not named here.
        dependencies: Object.fromEntries(
          [...connectors.map(({ name }) => name), '@rca/core'].map((name) => [name, version]),
        ),
      }),
      ...chunks.map(({ fileName, code }) => ({ path: `app/dist/${fileName}`, content: code })),
      ...connectors.flatMap(({ name, rca }) => facade(name, version, { '.': fileOf(name) }, { rca })),
      ...descriptions,
      ...facade('@rca/core', version, { '.': 'core', './connector': 'core-connector', './protocol': 'core-protocol' }),
    ],
    packages: [...packages.values()].toSorted((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1)),
  }
}

/** Returns a package whose modules export what modules of the bundle export. */
function facade(name: string, version: string, modules: Readonly<Record<string, string>>, more = {}): ArchiveFile[] {
  const folder = `app/node_modules/${name}`
  const exports = Object.fromEntries(Object.entries(modules).map(([path, file]) => [path, `./${file}.js`]))
  return [
    json(`${folder}/package.json`, { name, version, private: true, type: 'module', exports, ...more }),
    ...Object.values(modules).map((file) => ({
      path: `${folder}/${file}.js`,
      content: `export * from '../../../dist/${file}.js'\n`,
    })),
  ]
}

/** Describes a connector, so that its options are known without its code. */
async function descriptionOf(root: string, name: string, version: string): Promise<ArchiveFile> {
  const { href } = pathToFileURL(join(root, sourceOf(root, name)))
  return json(`app/node_modules/${name}/${STATIC_DESCRIPTION_FILE}`, await describeConnector(href, { name, version }))
}

function connectorsOf(root: string): ConnectorPackage[] {
  const { dependencies } = readJson<{ dependencies: Record<string, string> }>(join(root, 'apps/agent/package.json'))
  return Object.keys(dependencies)
    .filter((name) => name.startsWith('@rca/connector-'))
    .map((name) => readJson(join(root, 'packages', fileOf(name), 'package.json')))
}

function sourceOf(root: string, name: string): string {
  const { exports } = readJson<{ exports: { '.': { '@rca/source': string } } }>(
    join(root, 'packages', fileOf(name), 'package.json'),
  )
  return join('packages', fileOf(name), exports['.']['@rca/source'])
}

/** `@rca/connector-server` → `connector-server` */
function fileOf(name: string): string {
  return name.replace('@rca/', '')
}

function readJson<Json>(file: string): Json {
  return JSON.parse(readFileSync(file, 'utf8')) as Json
}

function json(path: string, content: object): ArchiveFile {
  return { path, content: `${JSON.stringify(content, undefined, 2)}\n` }
}
