import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LocalRegistry, startLocalRegistry } from '../local-registry.ts'
import { inShell, pack, paths } from '../user-shell.ts'

const ANSWERS = ['--type', 'example/lamps', '--title', 'Example lamps', '--item', 'lamp', '--yes']

/** npm downloads four versions of Node.js, and each makes every check: a loaded machine takes minutes. */
const TIMEOUT_MS = 1_800_000

interface Matrix {
  readonly cells: readonly {
    readonly core: { readonly name: string }
    readonly node: string
    readonly status: string
    readonly counts: { readonly passed?: number }
    readonly reasons: readonly string[]
  }[]
}

describe('rca-connector matrix', () => {
  let folder = ''
  let registry: LocalRegistry

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
    // The command needs no newer Node.js than agents do.
    const path = paths[0]?.[1]
    const npm = (at: string, words: readonly string[]) => inShell(at, 'npm', words, path, registry.environment)
    await writeFile(join(folder, '.npmrc'), registry.settings)
    await npm(folder, ['create', '--yes', '@rca/connector', 'lamps', '--', ...ANSWERS])
    const home = join(folder, 'lamps')
    await writeFile(join(home, '.npmrc'), registry.settings)
    await npm(home, ['install', '--no-audit', '--no-fund'])
    const { stdout } = await npm(home, ['exec', '--', 'rca-connector', 'matrix', '--json', 'matrix.json'])
    const { cells } = JSON.parse(await readFile(join(home, 'matrix.json'), 'utf8')) as Matrix
    const outcomes = (name: string) =>
      cells.filter(({ core }) => core.name === name).map(({ node, status, reasons }) => [node, status, ...reasons])
    expect(outcomes('current')).toEqual(['20', '22', '24', '26'].map((node) => [node, 'passed']))
    expect(cells.filter(({ core, counts }) => core.name === 'current' && (counts.passed ?? 0) < 60)).toEqual([])
    expect(outcomes('previous').map(([, status]) => status)).toEqual(Array(4).fill('missing'))
    expect(outcomes('next')[0]).toContain('no version of @rca/core is published as `next`')
    expect(stdout).toMatch(/^\| Node\.js 22 \| missing \| \d+ passed \| missing \|$/m)
  })
})
