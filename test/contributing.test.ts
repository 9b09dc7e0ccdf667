import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesIn, sectionOf } from './code-blocks.ts'
import { copyRepository, type RepositoryCopy } from './repository-copy.ts'
import { repository } from './user-shell.ts'

const guide = readFileSync(join(repository, 'CONTRIBUTING.md'), 'utf8')

/** Hand-made edits: paths → the whole text of a new file, or a function that changes the text of an existing one. */
type Edits = Readonly<Record<string, string | ((text: string) => string)>>

/** Inserts lines in front of a line of the text. */
const insert =
  (...pairs: readonly (readonly [line: string, before: string])[]) =>
  (text: string): string =>
    pairs.reduce((result, [line, before]) => {
      expect(result).toContain(before)
      return result.replace(before, () => `${line}\n${before}`)
    }, text)

/** Inserts the added lines of a difference, each in front of the line that follows it. */
function applyDifference(text: string, difference: string): string {
  const lines = text.split('\n')
  const added: string[] = []
  for (const line of difference.split('\n')) {
    if (line.startsWith('+')) added.push(line.slice(1))
    else if (line !== '') lines.splice(lines.indexOf(line.slice(1)), 0, ...added.splice(0))
  }
  return lines.join('\n')
}

/** The example that CONTRIBUTING.md shows. */
const collector: Edits = Object.fromEntries(
  [...filesIn(sectionOf(guide, '### A collector'))].map(([path, content]) => [
    path,
    path.endsWith('connector.ts') ? (text: string) => applyDifference(text, content) : content,
  ]),
)

const KINDS = 'packages/connector-kubernetes/src/kinds'

const kind: Edits = {
  [`${KINDS}/priority-class/priority-class.ts`]: `
import { entity } from '@rca/core/connector'
import { common, commonAttributes } from '../common-signals.ts'
import { kindCollector } from '../kind-collector.ts'
import { type Metadata, metadataOf } from '../metadata.ts'

/** A PriorityClass. */
export type PriorityClass = Metadata

export function projectPriorityClass(raw: unknown): PriorityClass {
  return metadataOf(raw)
}

export const priorityClassSignals = {
  priorityClass: entity({
    type: 'k8s.priorityclass',
    description: 'A PriorityClass.',
    attributes: common('priorityclass'),
  }),
}

export const priorityClasses = kindCollector('priorityClasses', {
  type: priorityClassSignals.priorityClass.type,
  entity: (object: PriorityClass, allowsLabel) =>
    priorityClassSignals.priorityClass.entity({
      id: object.name,
      name: object.name,
      attributes: commonAttributes('priorityclass', object, allowsLabel),
    }),
})
`,
  [`${KINDS}/index.ts`]: insert(
    [
      "import { priorityClasses, priorityClassSignals, projectPriorityClass } from './priority-class/priority-class.ts'",
      'import { projectReplicaSet,',
    ],
    [
      `  priorityClasses: {
    resource: 'priorityclasses',
    versions: ['scheduling.k8s.io/v1'],
    isClusterWide: true,
    project: projectPriorityClass,
    signals: priorityClassSignals,
    collectors: { 'priority-classes': priorityClasses },
  },`,
      '  services: {',
    ],
  ),
  [`${KINDS}/collectors.test.ts`]: insert(
    ["  priorityClasses: ['priority-class'],", "  services: ['service'],"],
    ["    ['priority-classes', 'k8s.priorityclass', { id: 'critical' }, {}],", "    ['resource-quotas', "],
  ),
  'packages/connector-kubernetes/test/fixtures/kubernetes-1.20/priority-class.json': JSON.stringify({
    kind: 'PriorityClass',
    apiVersion: 'scheduling.k8s.io/v1',
    metadata: { name: 'critical', uid: '5c1d7b1e-0f0b-4b5e-8a43-0d6c5a1f2e3d' },
    value: 1000,
  }),
}

const route: Edits = {
  'apps/api/src/routes/release.ts': `
import { z } from 'zod'
import type { App } from '../http/context.ts'
import { problems } from '../http/openapi-schemas.ts'

/** Shows the release of the API. */
export function addReleaseRoute(app: App): void {
  const schema = {
    operationId: 'showRelease',
    summary: 'Show the release of the API',
    tags: ['operations'],
    success: 'The release.',
    response: { 200: z.object({ release: z.string() }), ...problems() },
  }
  const config = { access: ['read'], environment: 'any' } as const
  app.get('/api/v1/release', { config, schema }, () => ({ release: '1.0' }))
}
`,
  'apps/api/src/routes/index.ts': insert(
    ["import { addReleaseRoute } from './release.ts'", 'import { addSeriesRoute }'],
    ['  addReleaseRoute,', '  addSeriesRoute,'],
  ),
  'apps/api/test/release.test.ts': `
import { expect, test } from 'vitest'
import { startApi } from './kit.ts'

test('the OpenAPI document describes the release', async () => {
  const api = await startApi()
  const document = (await api.app.inject('/openapi.json')).json()
  expect(document.paths['/api/v1/release'].get.operationId).toBe('showRelease')
})
`,
}

const option: Edits = {
  'packages/connector-kubernetes/src/config.ts': insert([
    "  cluster_region: z.string().min(1).optional().describe('Region of the cluster.'),",
    '  namespaces: option.distinct(z.array(label))',
  ]),
  [`${KINDS}/cluster.ts`]: (text) =>
    insert(
      ["      'k8s.cluster.region': 'Region of the cluster.',", "      'k8s.cluster.nodes': 'Number"],
      ["        'k8s.cluster.region': config.cluster_region,", "        'k8s.cluster.nodes': cache"],
    )(text).replace('readonly namespaces:', 'readonly cluster_region?: string | undefined; readonly namespaces:'),
}

describe('the steps of CONTRIBUTING.md', () => {
  let copy: RepositoryCopy
  let output = ''

  beforeAll(async () => {
    copy = await copyRepository()
    for (const [path, edit] of [collector, kind, route, option].flatMap(Object.entries<Edits[string]>))
      copy.write(path, typeof edit === 'string' ? edit : edit(copy.read(path)))
    const node = (script: string) => copy.run('node', ['--conditions=@rca/source', `scripts/${script}.ts`])
    await Promise.all([node('generate-docs'), node('generate-chart')])
    const own = ['entropy', 'kinds/collectors', 'release', 'openapi']
    output = await copy.run('vitest', ['run', '-u', '--reporter=verbose', '--exclude=**/*.real.test.ts', ...own])
  })
  afterAll(() => copy.remove())

  const rows = [...guide.matchAll(/^\| ([^|]+?) +\| (\d) +\| `(\w+)` in `([^`]+)` +\|$/gm)]
  const steps = [
    { edits: collector, most: 4 },
    { edits: kind, most: 4 },
    { edits: route, most: 3 },
    { edits: option, most: 2 },
  ].map((step, index) => ({ ...step, what: rows[index]?.[1] ?? '', files: Number(rows[index]?.[2]) }))
  test.each(steps)('edit as many files as the table names to add $what: $files of $most', ({ edits, most, files }) => {
    expect(Object.keys(edits)).toHaveLength(files)
    expect(files).toBeLessThanOrEqual(most)
  })

  test('name four things to add', () => {
    expect(rows).toHaveLength(4)
  })

  test.each(rows.map(([, what = '', files = '', name = '', folder = '']) => ({ what, files, name, folder })))(
    'name an example for $what, $name, that exists in no more source files',
    ({ files, name, folder }) => {
      const sources = execFileSync('git', ['grep', '-lw', name, '--', `${folder}/src/*.ts`], { cwd: repository })
        .toString()
        .trim()
        .split('\n')
        .filter((file) => !file.endsWith('.test.ts'))
      expect(sources.length).toBeLessThanOrEqual(Number(files))
    },
  )

  test('yield code that compiles', async () => {
    const settings = { extends: './tsconfig.base.json', compilerOptions: { composite: false, declarationMap: false } }
    const include = ['packages/connector-server/src/index.ts', 'packages/connector-kubernetes/src/index.ts']
    copy.write('tsconfig.edits.json', JSON.stringify({ ...settings, include: [...include, 'apps/api/src/index.ts'] }))
    expect(await copy.run('tsc', ['--noEmit', '-p', 'tsconfig.edits.json'])).toBe('')
  })

  test('put a collector into its page, and its test runs', () => {
    expect(copy.read('docs/connectors/server.md')).toContain('system.entropy')
    expect(output).toContain('entropy is a gauge in bits')
  })

  test('put a kind into its page and the permissions of the agent, and the tests of the table cover it', () => {
    expect(copy.read('docs/connectors/kubernetes.md')).toContain('k8s.priorityclass')
    expect(copy.read('apps/agent/chart/templates/_rules.tpl')).toContain('priorityclasses')
    expect(output).toContain('priority-classes reports a captured object')
  })

  test('put a route into the OpenAPI document and the list of routes', () => {
    expect(output).toContain('the OpenAPI document describes the release')
    expect(copy.read('apps/api/routes.md')).toContain('GET /api/v1/release')
  })

  test('put an option into its page and into the values, schema and variables of the chart', () => {
    expect(copy.read('docs/connectors/kubernetes.md')).toContain('cluster_region')
    for (const file of ['values.yaml', 'values.schema.json', 'templates/_options.tpl'])
      expect(copy.read(`apps/agent/chart/${file}`), file).toContain('clusterRegion')
  })
})
