import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type LampsPackage, lampsPackage, manifest } from '../test/lamps-package.ts'
import { runCli } from './cli.ts'

// Compiles in most tests: a loaded machine takes minutes.
describe('rca-connector', { timeout: 300_000 }, () => {
  let folder = ''
  let write: LampsPackage['write']
  let install: LampsPackage['install']
  let writePackage: LampsPackage['writePackage']
  let remove: LampsPackage['remove']
  let lines: string[] = []
  beforeEach(() => {
    ;({ folder, write, install, writePackage, remove } = lampsPackage())
    lines = []
  })
  afterEach(() => remove())

  const print = (line: string): void => void lines.push(line)
  const run = (...words: string[]): Promise<number> => runCli(words, { folder, print, printError: print })
  const output = (): string => lines.join('\n')

  test('lists its commands', async () => {
    expect(await run('--help')).toBe(0)
    expect(output()).toMatch(/^ {2}build +compiles src into dist, and writes rca.json$/m)
    expect(await run('build', '--help')).toBe(0)
  })

  test('refuses an unknown command and an unknown flag', async () => {
    expect(await run('biuld')).toBe(2)
    expect(await run('constructor')).toBe(2)
    expect(await run('build', '--fast')).toBe(2)
    expect(output()).toContain("Unknown option '--fast'")
  })

  test('names the problem of a folder without a connector', async () => {
    expect(await run('build')).toBe(1)
    expect(output()).toContain('`npm create @rca/connector` makes one')
    write('package.json', '{ "name": "lamps", "version": "0.1.0" }')
    expect(await run('build')).toBe(1)
    expect(output()).toContain('has no `rca`')
    write('package.json', '{ "name": "lamps", "version": "0.1.0", "rca": {} }')
    expect(await run('build')).toBe(1)
    expect(output()).toContain('`rca.type`')
  })

  test('check reports what fails, warns and is excepted, in the scenarios of the package', async () => {
    writePackage()
    install('@rca/connector-testkit')
    const except = { 'MAN-peer': 'It is not published.' }
    write('package.json', JSON.stringify({ ...manifest, 'rca-kit': { except } }))
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    write(
      'test/scenarios.ts',
      `import { fakeServer, type Scenario } from '@rca/connector-testkit'
export const scenarios: readonly Scenario[] = [{
  name: 'a lamp',
  start: async () => {
    const server = await fakeServer({ 'GET /': {} })
    return { ...server, options: { lamp_url: server.url } }
  },
}]
`,
    )
    expect(await run('check', '--json', 'results.json', '--junit', 'results.xml')).toBe(1)
    expect(output()).toMatch(/^failed +DEP-token +passes the address and the token/m)
    expect(output()).toMatch(/^ {2}To fix: /m)
    expect(output()).toMatch(/^warned +SIG-coverage .*\n {2}- no scenario reports the metric `example.lamp.power`$/m)
    expect(output()).toMatch(/^excepted +MAN-peer .*: It is not published\.$/m)
    expect(output()).not.toMatch(/^failed +(?:CON-works|MAN-module|LOAD-works)/m)
    expect(lines.at(-1)).toMatch(/^\d+ \w+(?:, \d+ \w+)+$/)
    const { name, results } = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'))
    expect(name).toBe('lamps')
    expect(results).toContainEqual(expect.objectContaining({ id: 'CON-works', status: 'passed' }))
    expect(readFileSync(join(folder, 'results.xml'), 'utf8')).toContain('<testsuite name="lamps"')
  })

  test('check fails for warnings in strict mode alone', async () => {
    writePackage()
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    const except = Object.fromEntries(['MAN-peer', 'MAN-engines', 'DEP-token'].map((id) => [id, 'It is for a test.']))
    write('package.json', JSON.stringify({ ...manifest, 'rca-kit': { except } }))
    expect([output(), await run('check')]).toEqual(['', 0])
    expect(output()).toContain('There is no test/scenarios.ts')
    expect(await run('check', '--strict')).toBe(1)
    expect(output()).toMatch(/^warned +DEP-verify/m)
  })

  test('build replaces dist by JavaScript and types, without the tests', async () => {
    writePackage()
    write('dist/removed.js', '')
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    write('test/lamp.test.ts', "import '../src/index.ts'\n")
    write('test/fixture.ts', 'export const fixture: number = 1\n')
    write('src/beside.test.ts', "import '../test/fixture.ts'\n")
    expect(await run('build'), output()).toBe(0)
    const built = ['removed.js', 'index.js', 'index.d.ts', 'lamp.js', 'lamp.test.js', 'beside.test.js'].map((name) =>
      existsSync(join(folder, 'dist', name)),
    )
    expect(built).toEqual([false, true, true, true, false, false])
    expect(existsSync(join(folder, 'test/fixture.js'))).toBe(false)
    expect(JSON.parse(readFileSync(join(folder, 'rca.json'), 'utf8'))).toMatchObject({
      package: 'lamps',
      type: 'example/lamps',
      signals: { metrics: [{ name: 'example.lamp.power', unit: 'W' }] },
    })
  })

  test('build says why an agent could not load the connector', async () => {
    writePackage()
    write('src/lamp.ts', "export const lamp: number = 1\nthrow new Error('no light')\n")
    expect(await run('build')).toBe(1)
    expect(output()).toContain('The connector of lamps@0.1.0')
    expect(output()).toContain('no light')
  })

  test('docs writes the tables between its marks, and checks them', async () => {
    writePackage()
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    expect(await run('docs', '--check')).toBe(1)
    expect(output()).toContain('README.md is stale')
    expect(await run('docs'), output()).toBe(0)
    const text = readFileSync(join(folder, 'README.md'), 'utf8')
    expect(text).toMatch(
      /^# Lamps\n\n<!-- rca-connector docs -->\n\n## Options\n.*`LAMP_URL`.*<!-- \/rca-.* -->\n\nEnd\n$/s,
    )
    expect(text).toContain('| `example.lamp.power` | `W` | gauge | Power of the lamp. |')
    expect(await run('docs', '--check')).toBe(0)
    const permissions = { 'lamps:Read': 'Reads the power.' }
    write('package.json', JSON.stringify({ ...manifest, 'rca-kit': { permissions } }))
    expect(await run('docs', '--check')).toBe(1)
    expect(await run('docs'), output()).toBe(0)
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('| `lamps:Read` | Reads the power. |')
    write('package.json', JSON.stringify({ ...manifest, 'rca-kit': { permissions: { 'lamps:Read': '' } } }))
    expect(await run('docs')).toBe(1)
    expect(output()).toContain('`rca-kit.permissions` in package.json needs a sentence for `lamps:Read`')
    write('package.json', JSON.stringify(manifest))
    write('README.md', '# Lamps\n')
    expect(await run('docs')).toBe(1)
    expect(output()).toContain('needs two lines')
  })

  test('record writes answers without secrets, and replay needs no network', async () => {
    writePackage()
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ seen: request.headers.authorization, password: 'hunter2' }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('LAMP_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    vi.stubEnv('LAMP_TOKEN', 'light-of-the-lamp')
    try {
      expect(await run('record', 'test/lamp.json'), output()).toBe(0)
    } finally {
      vi.unstubAllEnvs()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    expect(readFileSync(join(folder, 'test/lamp.json'), 'utf8')).not.toMatch(/light-of-the-lamp|hunter2/)
    expect(await run('replay', 'test/lamp.json'), output()).toBe(0)
    expect(output()).toContain('entity example.lamp: 1')
    expect(await run('replay', 'test/lamp.json', '--fault', '403@1')).toBe(1)
    expect(output()).toContain('the lamp answers 403')
  })

  test('record refuses a connector that makes no HTTP request', async () => {
    writePackage()
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    vi.stubEnv('LAMP_URL', 'data:,1')
    expect(await run('record', 'test/none.json')).toBe(1)
    vi.unstubAllEnvs()
    expect(output()).toContain('nothing was recorded: example/lamps made no HTTP request')
    expect(existsSync(join(folder, 'test/none.json'))).toBe(false)
  })

  test('record and replay refuse bad arguments before they compile', async () => {
    expect(await run('record')).toBe(1)
    expect(await run('record', 'a.json', '--rounds', 'many')).toBe(1)
    expect(await run('record', 'a.json', '--rename', 'a')).toBe(1)
    expect(await run('replay')).toBe(1)
    expect(await run('replay', 'none.json')).toBe(1)
    write('a.json', '{ "format": 2 }')
    expect(await run('replay', 'a.json')).toBe(1)
    for (const part of ['name one file', '--rounds must be', '--rename must be', 'name one recording'])
      expect(output()).toContain(part)
    expect(output()).toContain('none.json cannot be read')
    expect(output()).toContain('is not a recording: `format`')
  })

  test('pack refuses a version that is too low for its changes', async () => {
    writePackage()
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    const packOn = (path: string): Promise<number> => run('pack', '--against', join(folder, path))
    expect(await packOn('none.tgz')).toBe(1)
    expect(output()).toContain('none.tgz cannot be read')
    expect(await run('build')).toBe(0)
    const published = readFileSync(join(folder, 'rca.json'), 'utf8')
    write('published.json', published)
    expect(await packOn('published.json'), output()).toBe(0)
    expect(output()).toMatch(/Packed lamps-0\.1\.0\.tgz: \d+ files/)
    expect(await packOn('lamps-0.1.0.tgz'), output()).toBe(0)
    write('published.json', published.replaceAll('example.lamp.power', 'example.lamp.current'))
    expect(await packOn('published.json')).toBe(1)
    expect(output()).toContain('is not a new minor version after 0.1.0')
    expect(output()).toContain('major: 0.1.0 removes the metric `example.lamp.current`')
  })

  test('build fails for a wrong type', async () => {
    writePackage()
    write('src/lamp.ts', "export const lamp: number = 'on'\n")
    expect(await run('build')).toBe(1)
    expect(output()).toContain('correct the errors above')
  })

  test('test runs compiled tests, which find the files beside them', async () => {
    writePackage()
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    const text = (wanted: number): string =>
      `import assert from 'node:assert'\nimport { readFileSync } from 'node:fs'\nimport { lamp } from '../src/lamp.ts'\n` +
      `assert.equal(lamp, ${wanted})\nassert.equal(readFileSync(new URL('./answer.json', import.meta.url), 'utf8'), '{}')\n`
    write('test/answer.json', '{}')
    write('test/lamp.test.ts', text(1))
    expect(await run('test')).toBe(0)
    write('test/lamp.test.ts', text(2))
    expect(await run('test')).not.toBe(0)
  })

  test('test asks for tests where there are none', async () => {
    writePackage()
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    expect(await run('test')).toBe(1)
    expect(output()).toContain('test/NAME.test.ts')
  })
})
