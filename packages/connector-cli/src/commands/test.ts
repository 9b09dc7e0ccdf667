import { existsSync } from 'node:fs'
import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { CACHE, compile, runNode } from '../compiler.ts'
import { readConnectorPackage } from '../connector-package.ts'

/** Folders with sources and tests. */
const SOURCES = ['src', 'test']
const SOURCE = /\.[cm]?tsx?$/
const TEST = /\.test\.[cm]?js$/

/** Type-checks and compiles sources and tests, then runs the tests with Node's test runner. */
export const test: CliCommand = {
  summary: "checks types, then runs the tests with Node's test runner",
  usage: '[flags and files of node --test]',
  passesArguments: true,
  run: async ({ folder, words }) => {
    const { folder: home } = await readConnectorPackage(folder)
    const copy = await compileTests(home, 'test')
    const files = (await readdir(copy, { recursive: true })).filter((name) => TEST.test(name)).sort()
    if (files.length === 0)
      throw new CliError(
        `${home} has no tests: name them \`test/NAME.test.ts\`, or \`NAME.test.ts\` beside the source.`,
      )
    return runNode(['--enable-source-maps', '--test', ...words, ...files.map((name) => join(copy, name))], home)
  },
}

/**
 * Compiles sources and tests into a folder of the cache, and copies other files beside them. Returns its path.
 *
 * @throws {CliError} if they do not compile
 */
export async function compileTests(home: string, name: string): Promise<string> {
  const output = join(CACHE, name)
  await compile(home, { sources: SOURCES, root: '.', output })
  const copy = join(home, output)
  await writeFile(join(copy, 'package.json'), '{ "type": "module" }\n')
  for (const source of SOURCES.filter((each) => existsSync(join(home, each))))
    await cp(join(home, source), join(copy, source), { recursive: true, filter: (path) => !SOURCE.test(path) })
  return copy
}
