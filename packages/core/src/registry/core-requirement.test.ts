import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { coreProblem, missingExport } from './core-requirement.ts'

describe('coreProblem', () => {
  test.each([
    [{ peer: '>=0.3 <2' }],
    [{ peer: '^0.4.2' }],
    [{ peer: '0.x' }],
    [{ peer: '*' }],
    [{ peer: '>=0.9 || ^0.4.0' }],
    [{ builtWith: '0.4.9' }],
    [{ builtWith: '0.3.0' }],
    [{ builtWith: '0.5.0', declared: '>=0.4' }],
    [{ peer: '>=0.5', declared: '>=0.4' }],
    [{}],
  ])('accepts a package that says %j', (requirement) => {
    expect(coreProblem(requirement, '0.4.2')).toBeUndefined()
  })

  test.each([
    [{ peer: '>=0.5 <2' }, /peer dependency requires `@rca\/core` >=0\.5 <2, but this is version 0\.4\.2/],
    [{ peer: '^1.0.0' }, /peer dependency/],
    [{ peer: '~0.4.3' }, /peer dependency/],
    [{ builtWith: '0.5.0', peer: '>=0.3 <2' }, /packed with `@rca\/core` 0\.5\.0, but this is version 0\.4\.2/],
    [{ declared: '>=0.4.3' }, /requires `@rca\/core` >=0\.4\.3/],
  ])('refuses a package that says %j', (requirement, problem) => {
    expect(coreProblem(requirement, '0.4.2')?.problem).toMatch(problem)
  })

  test('accepts everything before the first release', () => {
    expect(coreProblem({ builtWith: '9.0.0', peer: '^9.0.0' }, '0.0.0')).toBeUndefined()
  })
})

test('a name that a newer core exports differs from other errors of syntax', () => {
  const newer = new SyntaxError("The requested module '@rca/core/connector' does not provide an export named 'trace'")
  expect(missingExport(newer, '0.4.2')).toMatch(/imports `trace`, which `@rca\/core\/connector` of version 0\.4\.2/)
  expect(missingExport(new SyntaxError("'acme' does not provide an export named 'trace'"))).toBeUndefined()
})

describe('a connector that uses a newer core, which it does not declare', () => {
  const rca = { contract: 1, type: 'acme/disks', title: 'Acme', description: 'Acme disks.' }
  const description = {
    format: 1,
    package: 'rca-disks',
    version: '1.2.3',
    ...rca,
    config: { type: 'object', properties: {} },
    signals: { entities: [], metrics: [], events: [] },
    collectors: [],
    watchers: [],
    features: [],
  }

  let discoverConnectors: typeof import('./discover-connectors.ts').discoverConnectors

  // Modules that other tests have loaded know the version of the repository.
  beforeAll(async () => {
    vi.resetModules()
    vi.doMock('../version.ts', () => ({ CORE_VERSION: '0.4.2' }))
    discoverConnectors = (await import('./discover-connectors.ts')).discoverConnectors
  })
  afterAll(() => {
    vi.doUnmock('../version.ts')
    vi.resetModules()
  })

  async function hostOf(packageJson: object, file: object): Promise<string> {
    const folder = await temporaryDirectory()
    const home = join(folder, 'node_modules/rca-disks')
    await mkdir(home, { recursive: true })
    const json = { name: 'rca-disks', version: '1.2.3', exports: './index.js', rca, ...packageJson }
    await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies: { 'rca-disks': '*' } }))
    await writeFile(join(home, 'package.json'), JSON.stringify(json))
    await writeFile(join(home, 'rca.json'), JSON.stringify({ ...description, ...file }))
    await writeFile(join(home, 'index.js'), "throw new Error('it was loaded')")
    return join(folder, 'package.json')
  }

  test('is refused by the version in rca.json, before its code is loaded', async () => {
    const registry = await discoverConnectors({ from: await hostOf({}, { builtWith: '0.5.0' }) })
    const problem =
      'The connector of rca-disks@1.2.3 cannot be used: it was packed with `@rca/core` 0.5.0, but this is version 0.4.2.'
    await expect(registry.connector('acme/disks')).rejects.toThrow(problem)
    expect(await registry.describe()).toEqual([])
    expect(registry.problems.map(({ message }) => message)).toEqual([expect.stringContaining(problem)])
  })

  test('is refused by its peer dependency, when it is found', async () => {
    const peerDependencies = { '@rca/core': '>=0.5 <2' }
    const { problems } = await discoverConnectors({ from: await hostOf({ peerDependencies }, {}) })
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('>=0.5 <2')])
  })

  test('is used if it declares that an older core suffices', async () => {
    const from = await hostOf({ rca: { ...rca, core: '>=0.4' } }, { builtWith: '0.5.0' })
    expect(await (await discoverConnectors({ from })).describe()).toMatchObject([{ type: 'acme/disks' }])
  })
})
