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

/**
 * Type-checks and compiles sources and tests into a folder of the cache, then runs the tests with Node's test runner.
 * All other files, such as recordings, are copied beside them.
 */
export const test: CliCommand = {
  summary: "checks types, then runs the tests with Node's test runner",
  usage: '[flags and files of node --test]',
  passesArguments: true,
  run: async ({ folder, words }) => {
    const { folder: home } = await readConnectorPackage(folder)
    const output = join(CACHE, 'test')
    await compile(home, { sources: SOURCES, root: '.', output })
    const copy = join(home, output)
    await writeFile(join(copy, 'package.json'), '{ "type": "module" }\n')
    for (const name of SOURCES.filter((source) => existsSync(join(home, source))))
      await cp(join(home, name), join(copy, name), { recursive: true, filter: (path) => !SOURCE.test(path) })
    const files = (await readdir(copy, { recursive: true })).filter((name) => TEST.test(name)).sort()
    if (files.length === 0)
      throw new CliError(
        `${home} has no tests: name them \`test/NAME.test.ts\`, or \`NAME.test.ts\` beside the source.`,
      )
    return runNode(['--enable-source-maps', '--test', ...words, ...files.map((name) => join(copy, name))], home)
  },
}
