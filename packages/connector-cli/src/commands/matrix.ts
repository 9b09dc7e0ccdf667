import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { CliCommand } from '../command.ts'
import { readConnectorPackage } from '../connector-package.ts'
import { buildPackage } from '../load-package.ts'
import { type CoreVersion, supportedCores } from '../matrix/core-versions.ts'
import { npmMachine, publishedCores } from '../matrix/npm-machine.ts'
import { matrixTable, runMatrix } from '../matrix/run-matrix.ts'
import { npmPack } from '../published-package.ts'
import { compileTests } from './test.ts'

/** Every major version of Node.js that agents run on. */
const NODES = ['20', '22', '24', '26']

/** Checks the packed connector beside several versions of core, on several versions of Node.js. */
export const matrix: CliCommand = {
  summary: 'makes the checks with several versions of core and Node.js',
  usage: '',
  flags: {
    core: {
      type: 'string',
      multiple: true,
      summary: 'a version of core (default: the previous, current and next one)',
    },
    node: { type: 'string', multiple: true, summary: 'a major version of Node.js (default: 20, 22, 24 and 26)' },
    json: { type: 'string', summary: 'writes the results to a file as JSON' },
    strict: { type: 'boolean', summary: 'fails for combinations that cannot be installed as well' },
  },
  run: async ({ folder, flags, print }) => {
    const nodes = (flags.node as readonly string[] | undefined) ?? NODES
    const wrong = nodes.find((node) => !/^\d+$/.test(node))
    if (wrong !== undefined)
      throw new CliError(`--node must be a major version of Node.js, such as 22, got \`${wrong}\``)
    const found = await readConnectorPackage(folder)
    const home = found.folder
    await buildPackage(found)
    const temporary = await mkdtemp(join(tmpdir(), 'rca-connector-'))
    try {
      const { filename } = await npmPack(home, ['--pack-destination', temporary])
      const { devDependencies = {} } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
        devDependencies?: Readonly<Record<string, string>>
      }
      const tests = existsSync(join(home, 'test')) ? await compileTests(home, 'matrix') : undefined
      const { name, rca } = found
      const tarball = join(temporary, filename)
      const machine = npmMachine({ folder: temporary, home, name, type: rca.type, devDependencies, tarball, tests })
      const cells = await runMatrix(await coresOf(flags.core as readonly string[] | undefined, home), nodes, machine)
      for (const line of matrixTable(cells)) print(line)
      if (typeof flags.json === 'string')
        await writeFile(
          resolve(folder, flags.json),
          `${JSON.stringify({ name, version: found.version, cells }, null, 2)}\n`,
        )
      const fails = flags.strict === true ? ['failed', 'missing'] : ['failed']
      const isChecked = cells.some(({ status }) => status !== 'missing')
      return isChecked && !cells.some(({ status }) => fails.includes(status)) ? 0 : 1
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  },
}

async function coresOf(wanted: readonly string[] | undefined, home: string): Promise<readonly CoreVersion[]> {
  if (wanted !== undefined) return wanted.map((version) => ({ name: version, version }))
  const { versions, tags } = await publishedCores(home)
  return supportedCores(versions, tags)
}
