import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCli } from './cli.ts'

const cliPackage = fileURLToPath(new URL('..', import.meta.url))
const manifest = { name: 'lamps', version: '0.1.0', type: 'module', rca: { contract: 1, type: 'example/lamps' } }
const tsconfig = { extends: '@rca/connector-cli/tsconfig.json', include: ['src', 'test'] }

describe('rca-connector', () => {
  let folder = ''
  let lines: string[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rca-cli-'))
    lines = []
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  /** A package with the dependencies that npm would install. */
  const writePackage = (): void => {
    write('package.json', JSON.stringify(manifest))
    write('tsconfig.json', JSON.stringify(tsconfig))
    mkdirSync(join(folder, 'node_modules/@rca'), { recursive: true })
    mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
    symlinkSync(cliPackage, join(folder, 'node_modules/@rca/connector-cli'))
    symlinkSync(join(cliPackage, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  }
  const print = (line: string): void => void lines.push(line)
  const run = (...words: string[]): Promise<number> => runCli(words, { folder, print, printError: print })
  const output = (): string => lines.join('\n')

  test('lists its commands', async () => {
    expect(await run('--help')).toBe(0)
    expect(output()).toMatch(/^ {2}build +compiles src into dist$/m)
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

  test('build replaces dist by JavaScript and types, without the tests', async () => {
    writePackage()
    write('dist/removed.js', '')
    write('src/lamp.ts', 'export const lamp: number = 1\n')
    write('src/index.ts', "export { lamp } from './lamp.ts'\n")
    write('test/lamp.test.ts', "import '../src/index.ts'\n")
    expect(await run('build')).toBe(0)
    const built = ['removed.js', 'index.js', 'index.d.ts', 'lamp.js', 'lamp.test.js'].map((name) =>
      existsSync(join(folder, 'dist', name)),
    )
    expect(built).toEqual([false, true, true, true, false])
  })

  test('build fails for a wrong type', async () => {
    writePackage()
    write('src/index.ts', "export const lamp: number = 'on'\n")
    expect(await run('build')).toBe(1)
    expect(output()).toContain('correct the errors above')
  })

  test('test runs compiled tests, which find the files beside them', async () => {
    writePackage()
    write('src/index.ts', 'export const lamp: number = 1\n')
    const text = (wanted: number): string =>
      `import assert from 'node:assert'\nimport { readFileSync } from 'node:fs'\nimport { lamp } from '../src/index.ts'\n` +
      `assert.equal(lamp, ${wanted})\nassert.equal(readFileSync(new URL('./answer.json', import.meta.url), 'utf8'), '{}')\n`
    write('test/answer.json', '{}')
    write('test/lamp.test.ts', text(1))
    expect(await run('test')).toBe(0)
    write('test/lamp.test.ts', text(2))
    expect(await run('test')).not.toBe(0)
  })

  test('test asks for tests where there are none', async () => {
    writePackage()
    write('src/index.ts', 'export {}\n')
    expect(await run('test')).toBe(1)
    expect(output()).toContain('test/NAME.test.ts')
  })
})
