import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { isConnectorsCommand, runConnectorsCommand } from './connectors-command.ts'

const from = import.meta.url

test('`add`, `list` and `remove` are commands on connectors', () => {
  expect(['add', 'list', 'remove', 'backup'].filter(isConnectorsCommand)).toEqual(['add', 'list', 'remove'])
})

test('the commands require RCA_CONNECTORS', async () => {
  await expect(runConnectorsCommand('list', { environment: {}, from })).rejects.toThrow(
    'RCA_CONNECTORS is not set. Set it to the folder of connectors, such as /opt/rca-connectors',
  )
})

test('`list` prints the connectors of the folder', async () => {
  const folder = await temporaryDirectory()
  await writeFile(join(folder, 'package.json'), '{}')
  const environment = { RCA_CONNECTORS: folder }
  expect(await runConnectorsCommand('list', { json: true, environment, from })).toEqual(['[]'])
  expect(await runConnectorsCommand('list', { environment, from })).toEqual([])
})

test('`remove` names a connector that the folder does not have', async () => {
  const environment = { RCA_CONNECTORS: await temporaryDirectory() }
  await expect(runConnectorsCommand('remove', { packages: ['queues'], environment, from })).rejects.toThrow(
    'has no connector queues',
  )
})
