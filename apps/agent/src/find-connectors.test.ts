import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRcaError } from '@rca/core'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../test/fakes.ts'
import { findConnectors } from './find-connectors.ts'

const OWN_TYPES = ['docker', 'kubernetes', 'lambda', 'server']

/** Makes a folder of connectors, with one package of each type. */
function folderWith(...types: string[]): string {
  const folder = temporaryDirectory()
  const dependencies = Object.fromEntries(types.map((type) => [`rca-${type}`, '*']))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies }))
  for (const type of types) {
    const home = join(folder, 'node_modules', `rca-${type}`)
    mkdirSync(home, { recursive: true })
    const rca = { contract: 1, type, title: type, description: `Watch ${type}` }
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: `rca-${type}`, version: '1.0.0', rca }))
  }
  return folder
}

describe('findConnectors', () => {
  test.each([{}, { RCA_CONNECTORS: ' ' }])('finds the own connectors with %j', async (environment) => {
    const registry = await findConnectors(environment)
    expect(registry.listSupportedTypes()).toEqual(OWN_TYPES)
    expect(registry.problems).toEqual([])
  })

  test('adds the connectors of the folder', async () => {
    const registry = await findConnectors({ RCA_CONNECTORS: folderWith('queues') })
    expect(registry.listSupportedTypes()).toEqual([...OWN_TYPES, 'queues'].sort())
  })

  test('prefers an own connector to one of the folder with the same type', async () => {
    const registry = await findConnectors({ RCA_CONNECTORS: folderWith('queues', 'server') })
    expect(registry.listSupportedTypes()).toEqual([...OWN_TYPES, 'queues'].sort())
    expect(registry.problems).toMatchObject([
      { package: 'rca-server', message: expect.stringContaining('@rca/connector-server') },
    ])
  })

  test('names a folder without a package.json, and what installs a connector there', async () => {
    const folder = temporaryDirectory()
    const finding = findConnectors({ RCA_CONNECTORS: folder })
    await expect(finding).rejects.toSatisfy(isRcaError)
    await expect(finding).rejects.toThrow(`RCA_CONNECTORS is \`${folder}\``)
    await expect(finding).rejects.toThrow('rca-agent add')
  })
})
