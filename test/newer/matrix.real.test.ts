import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LocalRegistry, startLocalRegistry } from '../local-registry.ts'
import { findTarball, inShell, pack, paths } from '../user-shell.ts'

const ANSWERS = ['--type', 'example/lamps', '--title', 'Example lamps', '--item', 'lamp', '--yes']

/** npm downloads four versions of Node.js, and each makes every check: a loaded machine takes minutes. */
const TIMEOUT_MS = 1_800_000

interface Matrix {
  readonly cells: readonly {
    readonly core: { readonly name: string; readonly version?: string }
    readonly node: string
    readonly status: string
    readonly counts: { readonly passed?: number }
    readonly reasons: readonly string[]
  }[]
}

describe('rca-connector matrix', () => {
  let folder = ''
  let home = ''
  let registry: LocalRegistry
  // The command needs no newer Node.js than agents do.
  const path = paths[0]?.[1]
  const npm = (at: string, words: readonly string[]) => inShell(at, 'npm', words, path, registry.environment)

  /** Makes the checks. Returns the cells, and what was printed. */
  const runMatrix = async (...words: readonly string[]): Promise<Matrix & { readonly stdout: string }> => {
    const { stdout } = await npm(home, ['exec', '--', 'rca-connector', 'matrix', '--json', 'matrix.json', ...words])
    return { ...(JSON.parse(await readFile(join(home, 'matrix.json'), 'utf8')) as Matrix), stdout }
  }

  /** Publishes a package again, with another version of itself and of those of this repository that it depends on. */
  const publishAs = async (version: string, name: string): Promise<void> => {
    const at = join(folder, 'raised', name)
    await mkdir(at, { recursive: true })
    const tarball = await findTarball(join(folder, 'tarballs'), `rca-${name}-`)
    await inShell(at, 'tar', ['-xzf', tarball, '--strip-components=1'])
    const file = join(at, 'package.json')
    const json = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, string> | string>
    for (const field of [json.dependencies, json.peerDependencies])
      if (typeof field === 'object')
        for (const each of Object.keys(field)) if (each.startsWith('@rca/')) field[each] = version
    await writeFile(file, JSON.stringify({ ...json, version }))
    await npm(at, ['pack', '--ignore-scripts'])
    await registry.add(await findTarball(at, `rca-${name}-`))
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rca-matrix-'))
    registry = await startLocalRegistry(['@rca', '@example'])
    await mkdir(join(folder, 'tarballs'))
    for (const name of ['core', 'connector-testkit', 'connector-cli', 'create-connector'])
      await registry.add(await pack(join(folder, 'tarballs'), name))
  }, TIMEOUT_MS)
  afterAll(async () => {
    await registry?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('makes every check of the packed connector on each Node.js, and calls absent versions of core missing', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await writeFile(join(folder, '.npmrc'), registry.settings)
    await npm(folder, ['create', '--yes', '@rca/connector', 'lamps', '--', ...ANSWERS])
    home = join(folder, 'lamps')
    await writeFile(join(home, '.npmrc'), registry.settings)
    await npm(home, ['install', '--no-audit', '--no-fund'])
    const { cells, stdout } = await runMatrix()
    const outcomes = (name: string) =>
      cells.filter(({ core }) => core.name === name).map(({ node, status, reasons }) => [node, status, ...reasons])
    expect(outcomes('current')).toEqual(['20', '22', '24', '26'].map((node) => [node, 'passed']))
    expect(cells.filter(({ core, counts }) => core.name === 'current' && (counts.passed ?? 0) < 60)).toEqual([])
    expect(outcomes('previous').map(([, status]) => status)).toEqual(Array(4).fill('missing'))
    expect(outcomes('next')[0]).toContain('no version of @rca/core is published as `next`')
    expect(stdout).toMatch(/^\| Node\.js 22 \| missing \| \d+ passed \| missing \|$/m)
  })
  test('makes them with the previous and the current version of core, if two are published', {
    timeout: TIMEOUT_MS,
  }, async () => {
    for (const name of ['core', 'connector-testkit']) await publishAs('0.1.0', name)
    const { cells } = await runMatrix('--node', '20', '--node', '26')
    expect(cells.map(({ core, node, status }) => [core.name, core.version, node, status])).toEqual([
      ['previous', '0.0.0', '20', 'passed'],
      ['previous', '0.0.0', '26', 'passed'],
      ['current', '0.1.0', '20', 'passed'],
      ['current', '0.1.0', '26', 'passed'],
      ['next', undefined, '20', 'missing'],
      ['next', undefined, '26', 'missing'],
    ])
    const passed = cells.flatMap(({ counts }) => counts.passed ?? [])
    expect(Math.min(...passed)).toBeGreaterThan(60)
  })
})
