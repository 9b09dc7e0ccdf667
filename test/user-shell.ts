import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const repository: string = fileURLToPath(new URL('..', import.meta.url))

/** `PATH` of a user's shell: the machine's own Node and npm, without the repository's tools. */
const machine = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)

/** Paths with different versions of `node`. */
export const paths: readonly (readonly [title: string, path: string])[] = [
  ["the machine's own Node", machine],
  ["the repository's Node", [dirname(process.execPath), machine].join(delimiter)],
]

/** Runs a program as a user would. Returns its output. */
export async function inShell(
  folder: string,
  program: string,
  words: readonly string[],
  path: string = machine,
  variables: Readonly<Record<string, string>> = {},
) {
  // Without the marks of the test runner, which another one below it would read.
  const { VITEST: _vitest, NODE_TEST_CONTEXT: _context, ...env } = process.env
  return run(program, words, { cwd: folder, env: { ...env, ...variables, PATH: path, NODE_OPTIONS: '' } })
}

/** Packs a package or an app into a folder, as for publishing. Returns the path of the tarball. */
export async function pack(folder: string, name: string, parent: 'packages' | 'apps' = 'packages'): Promise<string> {
  await run(join(repository, 'node_modules/.bin/pnpm'), ['pack', '--pack-destination', folder], {
    cwd: join(repository, parent, name),
  })
  return findTarball(folder, `rca-${name}-`)
}

/** Finds the only tarball in a folder with this beginning of its name. */
export async function findTarball(folder: string, beginning: string): Promise<string> {
  const found = (await readdir(folder)).filter((name) => name.startsWith(beginning) && name.endsWith('.tgz'))
  const [name] = found
  if (name === undefined || found.length > 1)
    throw new Error(`${folder} must hold one tarball ${beginning}*, but holds ${found.length}`)
  return join(folder, name)
}
