import { describe, expect, test } from 'vitest'
import { collectContext } from '../../test/contexts.ts'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { points } from '../../test/points.ts'
import type { ServerClient } from '../client/server-client.ts'
import { systemdUnits } from './systemd-units.ts'

describe('systemd units', () => {
  test('that have failed', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      failedUnits: async () => [
        {
          name: 'a.service',
          description: 'A',
          result: 'exit-code',
          exitCode: 3,
          killedBy: undefined,
          failedAt: undefined,
          invocationId: 'x',
        },
      ],
    }
    const collected = await systemdUnits.collect(client, collectContext())
    expect(points(collected)).toEqual({ 'server.systemd.failed_unit.count{}': 1 })
    expect(collected.entities).toMatchObject([
      {
        id: 'a.service',
        attributes: {
          'systemd.unit.name': 'a.service',
          'systemd.unit.description': 'A',
          'systemd.unit.result': 'exit-code',
          'process.exit.code': 3,
        },
      },
    ])
  })

  test('where no systemd runs there is nothing, not 0', async () => {
    expect(await systemdUnits.collect(openFixture(fixtureRoot()), collectContext())).toEqual({})
  })

  test('a host that is mounted elsewhere cannot be asked, and says so', async () => {
    const root = fixtureRoot()
    root.write('run/systemd/system/x', '')
    await expect(systemdUnits.collect(openFixture(root), collectContext())).rejects.toThrow('`root_path`')
  })
})
