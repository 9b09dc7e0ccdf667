import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LocalRegistry, startLocalRegistry } from './local-registry.ts'
import { findTarball, inShell, pack, paths } from './user-shell.ts'

const ANSWERS = ['--type', 'example/lamps', '--title', 'Example lamps', '--item', 'lamp', '--yes']

describe('npm create @rca/connector, in an empty folder outside the repository', () => {
  let folder = ''
  let home = ''
  let registry: LocalRegistry

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rca-create-'))
    registry = await startLocalRegistry(['@rca', '@example'])
    const tarballs = join(folder, 'tarballs')
    await mkdir(tarballs)
    for (const name of ['core', 'connector-testkit', 'connector-cli', 'create-connector'])
      await registry.add(await pack(tarballs, name))
    const author = join(folder, 'author')
    await mkdir(author)
    await writeFile(join(author, '.npmrc'), registry.settings)
    await npm(author, ['create', '--yes', '@rca/connector', 'lamps', '--', ...ANSWERS])
    home = join(author, 'lamps')
    await writeFile(join(home, '.npmrc'), registry.settings)
    await npm(home, ['install', '--no-audit', '--no-fund'])
  })
  afterAll(async () => {
    await registry?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const npm = (at: string, words: readonly string[], path?: string) =>
    inShell(at, 'npm', words, path, registry.environment)

  test.each(paths)('passes its own tests at once on %s', async (_title, path) => {
    const { stdout } = await npm(home, ['test'], path)
    expect(stdout).toMatch(/pass \d\d+\n/)
    expect(stdout).toMatch(/fail 0\n/)
  })

  test('holds only what an author edits', async () => {
    const files = (await readdir(home, { recursive: true })).filter(
      (name) => !/^node_modules|^package-lock|^\.npmrc/.test(name),
    )
    expect(files.filter((name) => /\.\w+$|LICENSE/.test(name)).sort()).toEqual([
      '.github',
      '.github/workflows/release.yml',
      '.gitignore',
      'LICENSE',
      'README.md',
      'package.json',
      'src/client.ts',
      'src/collectors/items.ts',
      'src/events/changes.ts',
      'src/index.ts',
      'test/conformance.test.ts',
      'test/connector.test.ts',
      'test/fake-server.ts',
      'test/scenarios.ts',
      'tsconfig.json',
    ])
  })

  // Runs npm and the compiler several times: a loaded machine takes minutes.
  const timeout = 600_000

  test('writes its tables, is packed and published, and is compared with the published version', {
    timeout,
  }, async () => {
    await npm(home, ['run', 'docs'])
    expect(await readFile(join(home, 'README.md'), 'utf8')).toContain('| `example.lamps.lamp.load` | `1` | gauge |')
    const first = await npm(home, ['exec', '--silent', '--', 'rca-connector', 'pack'])
    expect(first.stdout).toContain('no version is published yet')
    const tarball = await findTarball(home, 'example-rca-connector-lamps-')
    await npm(home, ['publish', tarball, '--ignore-scripts'])
    expect(registry.packages().at(-1)).toBe('@example/rca-connector-lamps@0.1.0')
    const source = join(home, 'src/collectors/items.ts')
    await writeFile(source, (await readFile(source, 'utf8')).replace("unit: '1'", "unit: '%'"))
    const second = npm(home, ['exec', '--', 'rca-connector', 'pack'])
    await expect(second).rejects.toThrow('changes the unit of the metric `example.lamps.lamp.load` from `1` to `%`')
  })
})
