import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { type InstalledConnector, installedConnectorLine, listConnectors } from './list-connectors.ts'

const rca = { contract: 1, type: 'acme/tapes', title: 'Tapes', description: 'Watch tapes' }

/** A connector of another copy of core. */
const CODE = `
const schema = { type: 'object', properties: { drive: { type: 'string' } } }
const config = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => schema } } }
export const connector = Object.defineProperty(
  { contract: 1, type: 'acme/tapes', title: 'Tapes', description: 'D', config, signals: {}, collectors: { tapes: {} } },
  Symbol.for('rca.connector'),
  { value: true },
)`

/** Lists a folder with these packages. */
async function listFolder(packages: Readonly<Record<string, object>>): Promise<InstalledConnector[]> {
  const folder = await temporaryDirectory()
  const dependencies = Object.fromEntries(Object.keys(packages).map((name) => [name, '1.0.0']))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies }))
  for (const [name, packageJson] of Object.entries(packages)) {
    const home = join(folder, 'node_modules', name)
    await mkdir(home, { recursive: true })
    const content = { name, version: '1.0.0', type: 'module', exports: './index.js', ...packageJson }
    await writeFile(join(home, 'package.json'), JSON.stringify(content))
    await writeFile(join(home, 'index.js'), CODE)
  }
  const host = join(await temporaryDirectory(), 'package.json')
  await writeFile(host, '{}')
  return listConnectors({ from: host, folder })
}

describe('listConnectors', () => {
  test('describes a connector by its code', async () => {
    const [found, ...others] = await listFolder({ tapes: { rca, peerDependencies: { '@rca/core': '0.x' } } })
    expect(others).toEqual([])
    expect(found).toMatchObject({
      package: 'tapes',
      version: '1.0.0',
      description: { type: 'acme/tapes', core: '0.x' },
    })
    expect(installedConnectorLine(found as InstalledConnector)).toBe(
      'tapes@1.0.0: type acme/tapes (Tapes), 1 collector, 0 watchers, 0 types of entities, 0 metrics, 0 events, options drive',
    )
  })

  test.each([
    ['is not a connector', {}, 'is not a connector: its package.json has no `rca`.'],
    ['has an invalid manifest', { rca: { ...rca, type: 'Acme' } }, '`rca.type`: must be lower case words'],
    ['cannot be loaded', { rca, exports: './absent.js' }, 'Cannot find module'],
    ['exports another type', { rca: { ...rca, type: 'acme/disks' } }, 'its manifest declares the type `acme/disks`'],
  ])('says why a package %s', async (_title, packageJson, problem) => {
    const [found] = await listFolder({ tapes: packageJson })
    expect(found).toEqual({ package: 'tapes', version: '1.0.0', problem: expect.stringContaining(problem) })
    expect(installedConnectorLine(found as InstalledConnector)).toMatch(/^tapes@1\.0\.0: /)
  })

  test('names a type that another package has', async () => {
    const found = await listFolder({ tapes: { rca }, 'tapes-two': { rca } })
    expect(found.map(({ problem }) => problem)).toEqual([
      undefined,
      expect.stringContaining('tapes@1.0.0 has the same'),
    ])
  })
})
