import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { isConnectorsCommand, runConnectorsCommand } from './connectors-command.ts'

test('`add`, `list` and `remove` are commands on connectors', () => {
  expect(['add', 'list', 'remove', 'backup'].filter(isConnectorsCommand)).toEqual(['add', 'list', 'remove'])
})

test('the commands require RCA_CONNECTORS', async () => {
  await expect(runConnectorsCommand('list', [], {})).rejects.toThrow(
    'RCA_CONNECTORS is not set. Set it to the folder of connectors, such as /opt/rca-connectors',
  )
})

test('`list` prints the connectors of the folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rca-api-connectors-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), '{}')
  expect(await runConnectorsCommand('list', ['--json'], { RCA_CONNECTORS: folder })).toBe('[]')
  expect(await runConnectorsCommand('list', [], { RCA_CONNECTORS: folder })).toBe('')
})

test('`remove` names a connector that the folder does not have', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rca-api-connectors-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await expect(runConnectorsCommand('remove', ['queues'], { RCA_CONNECTORS: folder })).rejects.toThrow(
    'has no connector queues',
  )
})
