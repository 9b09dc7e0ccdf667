/**
 * Writes `docs/connectors`, and tables in the READMEs of connectors, from what these declare: `npm run docs`. With
 * `--check` it writes nothing and fails when a page is missing, stale or left over.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { replaceSections, sectionsOf } from '../packages/connector-cli/src/docs/readme-sections.ts'
import { optionsTable, signalSections, table } from '../packages/connector-cli/src/docs/signal-tables.ts'
import { permissionsOf } from '../packages/connector-testkit/src/kit-settings.ts'
import { selfSignals } from '../packages/core/src/agent/report/self-metrics.ts'
import { configJsonSchema } from '../packages/core/src/config/config-schema.ts'
import { runtimeConfigSchema } from '../packages/core/src/config/runtime-config.ts'
import type { Connector } from '../packages/core/src/connector/connector.ts'
import { isConnector } from '../packages/core/src/connector/define-connector.ts'
import { conformancePage } from './conformance-page.ts'
import { connectorPage, page } from './connector-page.ts'
import { writeOrCheck } from './generated-files.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface ConnectorPackage {
  readonly name: string
  readonly folder: string
  readonly connector: Connector
  readonly permissions: ReadonlyMap<string, string> | undefined
}

const packages = await connectorPackages()
const pages = new Map(
  packages.map(
    ({ name, connector, permissions }) =>
      [fileName(connector.type), connectorPage(connector, name, permissions)] as const,
  ),
)
pages.set('conformance.md', conformancePage(packages))
pages.set('README.md', indexPage(packages))

const leftOver = globSync('docs/connectors/*.md', { cwd: root }).filter((path) => !pages.has(basename(path)))
writeOrCheck(
  new Map([
    ...[...pages].map(([file, text]) => [`docs/connectors/${file}`, text] as const),
    ...packages.map(readme),
    ...leftOver.map((path) => [path, undefined] as const),
  ]),
  'npm run docs',
)

/** Loads the connectors of the packages whose manifest declares one. */
async function connectorPackages(): Promise<ConnectorPackage[]> {
  const manifests = globSync('packages/connector-*/package.json', { cwd: root }).sort()
  const found: ConnectorPackage[] = []
  for (const path of manifests) {
    const manifest = JSON.parse(readFileSync(join(root, path), 'utf8')) as {
      name: string
      rca?: { readonly type?: string; readonly title?: string; readonly description?: string }
    }
    if (manifest.rca === undefined) continue
    const source = join(root, dirname(path), 'src/index.ts')
    const exported: Record<string, unknown> = await import(pathToFileURL(source).href)
    const connector = Object.values(exported).find(isConnector)
    if (connector === undefined) throw new Error(`${source} exports no connector made by \`defineConnector\``)
    // The agent and the API show the manifest before they load the connector: both must agree.
    for (const field of ['type', 'title', 'description'] as const)
      if (manifest.rca[field] !== connector[field])
        throw new Error(`${path}: \`rca.${field}\` differs from the connector's \`${field}\`, "${connector[field]}"`)
    const permissions = permissionsOf(manifest)
    found.push({ name: manifest.name, folder: join(root, dirname(path)), connector, permissions })
  }
  return found
}

/** Returns the path and the text of a package's README, as `rca-connector docs` writes it. */
function readme({ folder, connector, permissions }: ConnectorPackage): readonly [path: string, text: string] {
  const path = relative(root, join(folder, 'README.md')).split(sep).join('/')
  return [path, replaceSections(readFileSync(join(root, path), 'utf8'), sectionsOf(connector, permissions), path)]
}

function indexPage(all: readonly ConnectorPackage[]): string {
  const rows = all.map(({ name, connector }) => [
    `[\`${connector.type}\`](${fileName(connector.type)})`,
    `\`${name}\``,
    connector.description,
  ])
  return page([
    '# Connectors',
    table(['Type', 'Package', 'Description'], rows),
    'Which checks they pass: [conformance of connectors](conformance.md).',
    '## Options of every agent',
    'In addition to the options of its connector, every agent takes these. A duration is an integer and a unit: `500ms`, `15s`, `10m`, `1h`, `7d`.',
    optionsTable(configJsonSchema(runtimeConfigSchema)),
    '## Signals of every agent about itself',
    'In addition to the signals of its connector.',
    ...signalSections(Object.values(selfSignals), 3),
  ])
}

function fileName(type: string): string {
  return `${type.replaceAll('/', '-')}.md`
}
