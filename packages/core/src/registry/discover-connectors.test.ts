import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { HostPackageError } from '../errors/host-package-error.ts'
import { discoverConnectors } from './discover-connectors.ts'

const manifest = { contract: 1, type: 'acme', title: 'Acme', description: 'Acme disks.' }

/** Returns a module that records that it was loaded, and exports a connector of another copy of core. */
function moduleOf(type: string, contract = 1): string {
  return `globalThis.loaded = [...(globalThis.loaded ?? []), ${JSON.stringify(type)}]
const schema = { type: 'object', properties: {} }
const config = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => schema } } }
export const connector = Object.defineProperty(
  { contract: ${contract}, type: ${JSON.stringify(type)}, title: 'T', description: 'D', config, signals: {}, collectors: {} },
  Symbol.for('rca.connector'),
  { value: true },
)
`
}

function loaded(): string[] {
  return (globalThis as { loaded?: string[] }).loaded ?? []
}

/** Writes a host program with these files, and objects as JSON. Returns the path of its main file. */
async function hostWith(files: Record<string, unknown>, packageJson: object): Promise<string> {
  const root = await temporaryDirectory()
  const all = { 'package.json': packageJson, 'src/main.js': '', ...files }
  for (const [path, content] of Object.entries(all)) {
    const file = join(root, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return join(root, 'src/main.js')
}

/** Returns the files of an installed connector. */
function installed(name: string, type: string, packageJson: object = {}): Record<string, unknown> {
  return {
    [`node_modules/${name}/package.json`]: {
      name,
      version: '1.2.3',
      type: 'module',
      exports: './index.js',
      rca: { ...manifest, type },
      ...packageJson,
    },
    [`node_modules/${name}/index.js`]: moduleOf(type),
  }
}

const dependsOn = (...names: string[]): object => ({
  name: 'host',
  dependencies: Object.fromEntries(names.map((name) => [name, '*'])),
})

describe('discoverConnectors', () => {
  test('finds connectors among dependencies and optional dependencies, and loads each once, on first use', async () => {
    const from = await hostWith(
      {
        ...installed('@acme/rca-disks', 'acme/disks'),
        ...installed('rca-tapes', 'tapes'),
        ...installed('rca-unused', 'unused'),
        'node_modules/left-pad/package.json': { name: 'left-pad', version: '1.0.0' },
        ...installed('not-a-dependency', 'other'),
      },
      {
        dependencies: { '@acme/rca-disks': '*', 'left-pad': '*', 'rca-unused': '*', events: '*' },
        optionalDependencies: { 'rca-tapes': '*', 'not-installed': '*' },
      },
    )
    const registry = await discoverConnectors({ from })
    expect(registry.listSupportedTypes()).toEqual(['acme/disks', 'tapes', 'unused'])
    expect(registry.summaries()[0]).toEqual({ type: 'acme/disks', title: 'Acme', description: 'Acme disks.' })
    expect(registry.problems).toEqual([])
    expect(loaded()).toEqual([])

    const connector = await registry.connector('acme/disks')
    expect(await registry.connector('acme/disks')).toBe(connector)
    expect(loaded()).toEqual(['acme/disks'])
    expect((await registry.describe()).map(({ type }) => type)).toEqual(['acme/disks', 'tapes', 'unused'])
    expect(loaded().sort()).toEqual(['acme/disks', 'tapes', 'unused'])
  })

  test('accepts `from` as a URL, the text of a URL, or a path', async () => {
    const from = await hostWith(installed('rca-tapes', 'tapes'), dependsOn('rca-tapes'))
    for (const same of [from, pathToFileURL(from), pathToFileURL(from).href, dirname(from), relative('.', from)])
      expect((await discoverConnectors({ from: same })).listSupportedTypes()).toEqual(['tapes'])
  })

  test('searches several hosts, and uses the first that has a type', async () => {
    const own = await hostWith(installed('rca-tapes', 'tapes'), dependsOn('rca-tapes'))
    const others = await hostWith(
      { ...installed('rca-other-tapes', 'tapes'), ...installed('rca-disks', 'disks') },
      dependsOn('rca-other-tapes', 'rca-disks'),
    )
    const registry = await discoverConnectors({ from: [own, others] })
    expect(registry.listSupportedTypes()).toEqual(['disks', 'tapes'])
    expect(registry.problems).toMatchObject([
      { package: 'rca-other-tapes', message: expect.stringContaining('rca-tapes@1.2.3 has the same type `tapes`') },
    ])
  })

  test('finds packages in folders above the host, the nearest first', async () => {
    const root = await hostWith(
      {
        ...installed('rca-tapes', 'hoisted-tapes'),
        ...installed('rca-disks', 'hoisted-disks'),
        'apps/agent/package.json': dependsOn('rca-tapes', 'rca-disks'),
        'apps/agent/main.js': '',
        'apps/agent/node_modules/rca-disks/package.json': {
          version: '2.0.0',
          rca: { ...manifest, type: 'nested-disks' },
        },
      },
      { name: 'workspace' },
    )
    const registry = await discoverConnectors({ from: join(dirname(root), '../apps/agent/main.js') })
    expect(registry.listSupportedTypes()).toEqual(['hoisted-tapes', 'nested-disks'])
    expect((await registry.connector('hoisted-tapes')).type).toBe('hoisted-tapes')
  })
})

describe('problems of packages', () => {
  test.each<[string, object, string, string]>([
    [
      'an invalid type',
      { rca: { ...manifest, type: 'Tapes!' } },
      '`rca.type`: must be lower case words',
      'correct `rca`',
    ],
    ['an unknown field', { rca: { ...manifest, modul: '.' } }, 'Unrecognized key: "modul"', 'correct `rca`'],
    ['no title', { rca: { ...manifest, title: '' } }, '`rca.title`', 'correct `rca`'],
    [
      'a module outside the package',
      { rca: { ...manifest, module: '../x' } },
      '`rca.module`: must be an export',
      'correct `rca`',
    ],
    ['a manifest of the wrong type', { rca: true }, '`rca`: Invalid input', 'correct `rca`'],
    [
      'a newer contract',
      { rca: { ...manifest, contract: 2 } },
      'it implements version 2 of the contract',
      'update `@rca/core`',
    ],
    [
      'an older contract',
      { rca: { ...manifest, contract: 0 } },
      'it implements version 0 of the contract',
      'update the package',
    ],
  ])('reports %s with the package and the fix', async (_what, packageJson, problem, remedy) => {
    const from = await hostWith(
      { ...installed('rca-bad', 'bad', packageJson), ...installed('rca-good', 'good') },
      dependsOn('rca-bad', 'rca-good'),
    )
    const registry = await discoverConnectors({ from })
    expect(registry.listSupportedTypes()).toEqual(['good'])
    expect(registry.problems).toHaveLength(1)
    const [{ package: name, version, message } = { package: '', version: '', message: '' }] = registry.problems
    expect([name, version]).toEqual(['rca-bad', '1.2.3'])
    expect(message).toContain('rca-bad@1.2.3 is not used: ')
    expect(message).toContain(problem)
    expect(message).toContain(`To fix it, ${remedy}`)
  })

  test.each(['{ "name": "rca-bad", ', '[]', 'null', '7', ''])(
    'reports a dependency whose package.json is %j, and keeps the others',
    async (text) => {
      const from = await hostWith(
        { ...installed('rca-good', 'good'), 'node_modules/rca-bad/package.json': text },
        dependsOn('rca-bad', 'rca-good'),
      )
      const registry = await discoverConnectors({ from })
      expect(registry.listSupportedTypes()).toEqual(['good'])
      expect(registry.problems).toMatchObject([{ package: 'rca-bad', version: 'unknown' }])
      expect(registry.problems[0]?.message).toMatch(/its package\.json could not be read .* reinstall the package/)
    },
  )

  test('uses the first of two packages with the same type, by name', async () => {
    const from = await hostWith(
      { ...installed('rca-a', 'same'), ...installed('rca-b', 'same') },
      dependsOn('rca-b', 'rca-a'),
    )
    const registry = await discoverConnectors({ from })
    expect(registry.problems).toMatchObject([{ package: 'rca-b' }])
    expect(registry.problems[0]?.message).toContain(
      'rca-a@1.2.3 has the same type `same`. To fix it, remove one of the two',
    )
  })
})

describe('loading a module', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['is missing', { exports: './missing.js' }, 'could not be loaded: Cannot find module'],
    ['is not exported', { exports: { './other': './index.js' } }, 'could not be loaded: No "exports" main defined'],
    ['throws', { exports: './throws.js' }, 'could not be loaded: no disk'],
    ['throws a text', { exports: './throws-text.js' }, 'could not be loaded: it threw "just text"'],
    ['exports another type', { exports: './other.js' }, 'exports connectors of type `other`'],
    ['exports no connector', { exports: './nothing.js' }, 'exports no connector'],
    [
      'implements another version of the contract',
      { exports: './future.js' },
      'its code implements version 2 of the contract',
    ],
  ])('names the package of a connector whose module %s', async (_what, packageJson, problem) => {
    const from = await hostWith(
      {
        ...installed('rca-bad', 'bad', packageJson),
        'node_modules/rca-bad/throws.js': "throw new Error('no disk')",
        'node_modules/rca-bad/throws-text.js': "throw 'just text'",
        'node_modules/rca-bad/other.js': moduleOf('other'),
        'node_modules/rca-bad/future.js': moduleOf('bad', 2),
        'node_modules/rca-bad/nothing.js': 'export const nothing = null',
      },
      dependsOn('rca-bad'),
    )
    const registry = await discoverConnectors({ from })
    await expect(registry.connector('bad')).rejects.toThrow(ConnectorError)
    await expect(registry.connector('bad')).rejects.toThrow('The connector of rca-bad@1.2.3 cannot be used: ')
    await expect(registry.connector('bad')).rejects.toThrow(problem)
    expect(await registry.describe()).toEqual([])
    expect(registry.problems).toMatchObject([{ package: 'rca-bad', version: '1.2.3' }])
  })

  test('loads a module that was missing at the first use', async () => {
    const from = await hostWith(installed('rca-late', 'late', { exports: './late.js' }), dependsOn('rca-late'))
    const registry = await discoverConnectors({ from })
    await expect(registry.connector('late')).rejects.toThrow('Cannot find module')
    await writeFile(join(dirname(from), '../node_modules/rca-late/late.js'), moduleOf('late'))
    expect((await registry.connector('late')).type).toBe('late')
  })

  test.each<[string, object]>([
    ['a path', { exports: { './connector': './index.js' }, rca: { ...manifest, type: 'x', module: './connector' } }],
    ['a condition that only `import` has', { exports: { import: './index.js' } }],
    ['nested conditions', { exports: { '.': { browser: './missing.js', node: { import: './index.js' } } } }],
    [
      'a path with conditions',
      { exports: { './c': { import: './index.js' } }, rca: { ...manifest, type: 'x', module: './c' } },
    ],
    ['`main` alone', { exports: undefined, main: './index.js' }],
  ])('resolves a module by %s', async (_what, packageJson) => {
    const from = await hostWith(installed('rca-x', 'x', packageJson), dependsOn('rca-x'))
    const registry = await discoverConnectors({ from })
    expect((await registry.connector('x')).type).toBe('x')
  })

  test('finds a package that is installed under another name', async () => {
    const from = await hostWith(installed('alias', 'x', { name: 'rca-x' }), dependsOn('alias'))
    expect((await (await discoverConnectors({ from })).connector('x')).type).toBe('x')
  })
})

describe('the host package', () => {
  test('rejects a file outside any package', async () => {
    await expect(discoverConnectors({ from: '/rca-nowhere/main.js' })).rejects.toThrow(
      /no package.json was found above .*import.meta.url/,
    )
  })

  test('rejects a host whose own package.json is invalid', async () => {
    const from = await hostWith({ 'package.json': '{' }, {})
    await expect(discoverConnectors({ from })).rejects.toThrow(HostPackageError)
  })
})
