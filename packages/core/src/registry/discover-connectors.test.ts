import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
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
    expect(registry.summaries()[0]).toEqual({
      type: 'acme/disks',
      title: 'Acme',
      description: 'Acme disks.',
      connector: { package: '@acme/rca-disks', version: '1.2.3' },
    })
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

  test('adds the connectors of a folder', async () => {
    const from = await hostWith(installed('rca-tapes', 'tapes'), dependsOn('rca-tapes'))
    const others = await hostWith(installed('rca-disks', 'disks'), dependsOn('rca-disks'))
    const registry = await discoverConnectors({ from, folder: dirname(dirname(others)) })
    expect(registry.listSupportedTypes()).toEqual(['disks', 'tapes'])
    await expect(discoverConnectors({ from, folder: '/rca-nowhere' })).rejects.toThrow(
      'RCA_CONNECTORS is `/rca-nowhere`, but /rca-nowhere/package.json does not exist.',
    )
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
    expect(message).toContain('The connector of rca-bad@1.2.3 cannot be used: ')
    expect(message).toContain(problem)
    expect(message).toContain(`To fix it, ${remedy}`)
  })

  test('are what the use of their type fails with', async () => {
    const from = await hostWith(
      installed('rca-bad', 'bad', { rca: { ...manifest, type: 'bad', contract: 2 } }),
      dependsOn('rca-bad'),
    )
    const registry = await discoverConnectors({ from })
    await expect(registry.connector('bad')).rejects.toMatchObject({
      code: 'RCA_CONNECTOR_INVALID',
      message: registry.problems[0]?.message,
    })
    await expect(registry.connector('other')).rejects.toMatchObject({ code: 'RCA_TYPE_UNKNOWN' })
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

describe('warnings about packages', () => {
  const warningsOf = async (packageJson: object) => {
    const from = await hostWith(installed('rca-x', 'acme/x', packageJson), dependsOn('rca-x'))
    const registry = await discoverConnectors({ from })
    expect(registry.problems).toEqual([])
    return { types: registry.listSupportedTypes(), warnings: registry.warnings.map(({ message }) => message) }
  }

  test('name unknown keys of a manifest, which is used', async () => {
    expect(await warningsOf({ rca: { ...manifest, type: 'acme/x', modul: '.', icon: 'x.svg' } })).toEqual({
      types: ['acme/x'],
      warnings: [
        'rca-x@1.2.3: `rca.modul` in its package.json is unknown, and ignored. Did you mean `rca.module`?',
        'rca-x@1.2.3: `rca.icon` in its package.json is unknown, and ignored.',
      ],
    })
  })

  test('recommend a type that belongs to the vendor', async () => {
    expect((await warningsOf({ rca: { ...manifest, type: 'tapes' } })).warnings).toEqual([
      'rca-x@1.2.3: its type `tapes` may be that of another package one day. Call it `VENDOR/tapes`.',
    ])
  })

  test.each(['dependencies', 'peerDependencies'])(
    'name a package without a manifest that has core in its %s',
    async (field) => {
      expect(await warningsOf({ rca: undefined, [field]: { '@rca/core': '*' } })).toEqual({
        types: [],
        warnings: [
          'rca-x@1.2.3: it depends on `@rca/core`, but a connector in it is not found: its package.json has no `rca`.',
        ],
      })
    },
  )

  test('name a second copy of core, which a folder of connectors does not use', async () => {
    const core = { 'node_modules/@rca/core/package.json': { name: '@rca/core', version: '0.2.0' } }
    const from = await hostWith({ ...installed('rca-x', 'acme/x'), ...core }, dependsOn('rca-x'))
    expect((await discoverConnectors({ from })).warnings.map(({ message }) => message)).toEqual([
      'rca-x@1.2.3: it imports a second copy of `@rca/core`, version 0.2.0: each agent needs about 8 MB more. Declare `@rca/core` in its `peerDependencies`, and install one version for all.',
    ])
    const folder = join(dirname(from), '..')
    expect((await discoverConnectors({ from: [], folder })).warnings).toEqual([])
  })

  test('do not name the copy of core that runs', async () => {
    const from = await hostWith(installed('rca-x', 'acme/x'), dependsOn('rca-x'))
    const scope = join(dirname(from), '../node_modules/@rca')
    await mkdir(scope)
    await symlink(new URL('../..', import.meta.url), join(scope, 'core'))
    expect((await discoverConnectors({ from })).warnings).toEqual([])
  })

  test('are absent for connectors without problems, packages without one, and those of this project', async () => {
    const own = { ...installed('@rca/connector-x', 'x'), ...installed('left-pad', 'y', { rca: undefined }) }
    const from = await hostWith({ ...own, ...installed('rca-z', 'acme/z') }, dependsOn('@rca/connector-x', 'rca-z'))
    expect((await discoverConnectors({ from })).warnings).toEqual([])
  })
})

describe('loading a module', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['is missing', { exports: './missing.js' }, 'could not be loaded: Cannot find module'],
    ['is not exported', { exports: { './other': './index.js' } }, 'could not be loaded: No "exports" main defined'],
    ['throws', { exports: './throws.js' }, 'could not be loaded: no disk'],
    ['breaks the contract', { exports: './contract.js' }, 'the option `logLevel` must be snake_case: it becomes'],
    ['is TypeScript', { exports: './typed.js' }, 'it is TypeScript, which Node.js does not run in `node_modules`.'],
    ['exports a plain object', { exports: './plain.js' }, 'only an object that looks like one: make it with `defin'],
    ['exports two of its type', { exports: './two.js' }, '`rca-bad` exports 2 connectors of type `bad`'],
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
        'node_modules/rca-bad/contract.js': `throw Object.assign(new Error('The connector \`bad\` cannot be used: the option \`logLevel\` must be snake_case: it becomes an environment variable.'), { code: 'RCA_CONNECTOR_INVALID' })`,
        // Vitest would compile a real `.ts`: this is the error of Node.js 26.
        'node_modules/rca-bad/typed.js': `throw Object.assign(new Error('Stripping types is currently unsupported for files under node_modules, for "/x/node_modules/rca-bad/typed.ts"'), { code: 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' })`,
        'node_modules/rca-bad/plain.js': "export const connector = { type: 'bad', title: 'Bad', collectors: {} }",
        'node_modules/rca-bad/two.js': `${moduleOf('bad')}\nexport * as other from './bad.js'\nexport { connector as second } from './bad.js'`,
        'node_modules/rca-bad/bad.js': moduleOf('bad'),
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

  test('fails when it has not ended after a minute, and leaves the others usable', async () => {
    const from = await hostWith(
      {
        ...installed('rca-bad', 'bad', { exports: './waits.js' }),
        'node_modules/rca-bad/waits.js': 'await new Promise(() => {})',
        ...installed('rca-good', 'good'),
      },
      dependsOn('rca-bad', 'rca-good'),
    )
    const registry = await discoverConnectors({ from })
    await registry.connector('good')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const described = registry.describe()
    // The time limit starts after the package's folder has been searched for `rca.json`.
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve))
    await vi.advanceTimersByTimeAsync(60_000)
    expect((await described).map(({ type }) => type)).toEqual(['good'])
    expect(registry.problems.map(({ message }) => message)).toEqual([
      'The connector of rca-bad@1.2.3 cannot be used: its module `rca-bad` could not be loaded: it did not finish within 60 s. Update or remove the package.',
    ])
  })

  describe('with rca.json', () => {
    const description = {
      format: 1,
      package: 'rca-tapes',
      version: '1.2.3',
      contract: 1,
      type: 'tapes',
      title: 'T',
      description: 'D',
      config: { type: 'object', properties: { drive: { type: 'string' } } },
      signals: { entities: [], metrics: [], events: [] },
      collectors: [],
      watchers: [],
      features: [],
    }
    const hostOf = (content: unknown, packageJson: object = {}): Promise<string> =>
      hostWith(
        { ...installed('rca-tapes', 'tapes', packageJson), 'node_modules/rca-tapes/rca.json': content },
        dependsOn('rca-tapes'),
      )

    test('describes the options without loading the code', async () => {
      const before = loaded().length
      const registry = await discoverConnectors({ from: await hostOf(description) })
      const [found] = await registry.describe()
      expect(found).toMatchObject({ type: 'tapes', title: 'Acme', description: 'Acme disks.' })
      expect(found?.config.properties).toMatchObject({ drive: { type: 'string' }, collect_interval: {} })
      expect(await registry.description('tapes')).toEqual(found)
      expect([registry.problems, registry.warnings.length]).toEqual([[], 1])
      expect(loaded()).toHaveLength(before)
    })

    test('reports a package whose code cannot be loaded when it is used', async () => {
      const registry = await discoverConnectors({ from: await hostOf(description, { exports: './missing.js' }) })
      expect((await registry.describe()).map(({ type }) => type)).toEqual(['tapes'])
      expect(registry.problems).toEqual([])
      await expect(registry.connector('tapes')).rejects.toThrow('Cannot find module')
      expect(registry.problems).toMatchObject([{ package: 'rca-tapes', version: '1.2.3', type: 'tapes' }])
    })

    test('describes sources by their code', async () => {
      const from = await hostOf(description, { exports: './index.ts' })
      await writeFile(join(dirname(from), '../node_modules/rca-tapes/index.ts'), moduleOf('tapes'))
      const registry = await discoverConnectors({ from })
      // Node.js itself refuses TypeScript there.
      const [found] = await registry.describe()
      expect(found?.config.properties ?? {}).not.toHaveProperty('drive')
    })

    test('loads the code if the file is of another version, and warns once', async () => {
      const registry = await discoverConnectors({ from: await hostOf({ ...description, version: '1.2.2' }) })
      const [found] = await registry.describe()
      await registry.describe()
      expect(found?.config.properties).not.toHaveProperty('drive')
      expect(loaded()).toContain('tapes')
      expect(registry.warnings.filter(({ message }) => message.includes('rca.json'))).toEqual([
        {
          package: 'rca-tapes',
          version: '1.2.3',
          type: 'tapes',
          message:
            'rca-tapes@1.2.3: its rca.json is ignored, and its code is loaded instead: its `version` is `1.2.2`, but that of package.json is `1.2.3`. Pack it again with `rca-connector pack`.',
        },
      ])
    })
  })

  test('finds the connector of a module that was compiled to CommonJS', async () => {
    const from = await hostWith(
      {
        ...installed('rca-old', 'old', { type: 'commonjs' }),
        'node_modules/rca-old/index.js': `Object.defineProperty(exports, '__esModule', { value: true })\n${moduleOf('old').replace('export const connector', 'exports.default')}`,
      },
      dependsOn('rca-old'),
    )
    expect((await (await discoverConnectors({ from })).connector('old')).type).toBe('old')
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
