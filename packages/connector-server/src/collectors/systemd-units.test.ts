import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { systemdUnits } from './systemd-units.ts'

describe('systemdUnits', () => {
  test('reports failed units', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      failedUnits: async () => [
        {
          name: 'a.service',
          description: 'A',
          result: 'exit-code',
          exitCode: 3,
          killedBy: undefined,
          changedAt: undefined,
          invocationId: 'x',
        },
      ],
    }
    const collected = await systemdUnits.collect(client, collectContext())
    expect(pointsOf(collected)).toEqual({ 'server.systemd.failed_unit.count{}': 1 })
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

  test('reports nothing, not 0, where systemd does not run', async () => {
    expect(await systemdUnits.collect(openFixture(fixtureRoot()), collectContext())).toEqual({})
  })

  test('rejects below another root, where systemctl would ask the wrong systemd', async () => {
    const root = fixtureRoot()
    root.write('run/systemd/system/x', '')
    await expect(systemdUnits.collect(openFixture(root), collectContext())).rejects.toThrow('`root_path`')
  })
})
