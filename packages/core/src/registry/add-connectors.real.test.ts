import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { addConnectors, removeConnectors } from './add-connectors.ts'

const NPM_TEST_TIMEOUT_MS = 240_000

/** A module that exports a connector of the type. */
const moduleOf = (type: string): string => `
import { command, defineConnector, entity } from '@rca/core/connector'
const schema = () => ({ type: 'object', properties: { drive: { type: 'string' } } })
const config = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: schema, output: schema } } }
const tape = entity({ type: 'acme.tape', description: 'A tape.' })
console.log('loaded')
export const connector = defineConnector({
  type: '${type}', title: 'Tapes', description: 'Watch tapes', config, signals: { tape },
  deploy: () => ({ command: command('true') }),
  connect: async () => 1,
  identify: async () => ({ id: '1', name: '1', entity: tape.reference('1') }),
  collectors: { tapes: { collect: async () => ({ entities: [tape.entity({ id: '1' })] }) } },
})`

/** Lists as the commands of agent and API do. */
const listCommand = [
  process.execPath,
  '--conditions=@rca/source',
  '--input-type=module',
  '--eval',
  `import { listConnectors } from ${JSON.stringify(new URL('list-connectors.ts', import.meta.url).href)}
const from = ${JSON.stringify(import.meta.url)}
console.log(JSON.stringify(await listConnectors({ from, folder: process.env.RCA_CONNECTORS })))`,
]

let home = ''
let folder = ''
beforeEach(async () => {
  home = await temporaryDirectory()
  folder = join(home, 'connectors')
})

/** Writes a package. Returns its folder. */
async function packageOf(name: string, code: string): Promise<string> {
  const directory = join(home, name)
  await mkdir(directory, { recursive: true })
  const rca = { contract: 1, type: `acme/${name}`, title: 'Tapes', description: 'Watch tapes' }
  const peerDependencies = { '@rca/core': '0.x' }
  const packageJson = { name, version: '1.0.0', type: 'module', exports: './index.js', rca, peerDependencies }
  await writeFile(join(directory, 'package.json'), JSON.stringify(packageJson))
  await writeFile(join(directory, 'index.js'), code)
  return directory
}

/** Every file of the folder of connectors, with the packages that it names. */
async function contentOf(): Promise<{ files: string[]; dependencies: unknown }> {
  const { dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { dependencies?: object }
  return { files: (await readdir(folder, { recursive: true })).sort(), dependencies }
}

const add = (...packages: string[]) => addConnectors({ folder, packages, listCommand })

describe('a folder of connectors', () => {
  test(
    'takes connectors that can be used, and stays as it was otherwise',
    async () => {
      const tapes = await packageOf('tapes', moduleOf('acme/tapes'))
      const [added] = await add(tapes)
      expect(added).toMatchObject({
        package: 'tapes',
        version: '1.0.0',
        description: { type: 'acme/tapes', core: '0.x', collectors: ['tapes'], signals: { metrics: [] } },
      })
      const before = await contentOf()
      expect(before.dependencies).toEqual({ tapes: expect.stringMatching(/^file:tarballs\/tapes-1\.0\.0-\w{8}\.tgz$/) })
      expect(before.files).not.toContain('node_modules/@rca')

      // The same version with other code is another tarball.
      await packageOf('tapes', `${moduleOf('acme/tapes')}\n`)
      await expect(add(tapes, await packageOf('exits', 'process.exit(7)'))).rejects.toThrow(
        'tapes, exits: the process that loads the connectors ended with exit code 7, and nothing was changed.',
      )
      expect(await contentOf()).toEqual(before)

      await removeConnectors({ folder, packages: ['tapes'] })
      const { files, dependencies } = await contentOf()
      expect(dependencies).toBeUndefined()
      expect(files.filter((file) => /tapes|changing/.test(file))).toEqual([])
    },
    NPM_TEST_TIMEOUT_MS,
  )

  test('rejects packages that it cannot have', async () => {
    await expect(add('./absent')).rejects.toThrow('`./absent` cannot be added: it does not exist. Correct the path')
    await expect(add('git+ssh://a/b')).rejects.toThrow('`git+ssh://a/b` cannot be added. Write the name of a package')
    await expect(add('--force')).rejects.toThrow('`--force` cannot be added.')
    await expect(removeConnectors({ folder, packages: ['absent'] })).rejects.toThrow(
      `The folder ${folder} has no connector absent. It has none.`,
    )
    expect(await readdir(folder)).toEqual([])
  })

  test('says that npm is missing', async () => {
    vi.stubEnv('PATH', home)
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(add('rca-connector-tapes')).rejects.toThrow('`npm` is not in the search path. Install npm')
    expect(await readdir(folder)).toEqual([])
  })

  test('removes what an interrupted change has left, and waits for no other', async () => {
    await mkdir(join(folder, '.changing-999999999'), { recursive: true })
    await expect(add('./absent')).rejects.toThrow('does not exist')
    expect(await readdir(folder)).toEqual([])

    await mkdir(join(folder, `.changing-${process.ppid}`))
    await expect(add('./absent')).rejects.toThrow(`Process ${process.ppid} is changing the folder ${folder}.`)
  })
})
