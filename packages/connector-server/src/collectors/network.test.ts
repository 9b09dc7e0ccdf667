import { collectContext, pointsOf } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { fixture, fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { network } from './network.ts'

test('network reports traffic, errors and drops of each interface', async () => {
  const collected = await network.collect(openFixture(fixtureRoot()), collectContext())
  expect(collected.entities).toMatchObject([
    { type: 'network.interface', id: 'eth0', relations: [{ type: 'part_of' }] },
  ])
  const fields = /eth0:(.*)/.exec(fixture('linux-vm/proc/1/net/dev'))![1]!.trim().split(/ +/).map(Number)
  expect(pointsOf(collected)).toEqual({
    'system.network.io{name=eth0,direction=receive}': fields[0],
    'system.network.packet.count{name=eth0,direction=receive}': fields[1],
    'system.network.errors{name=eth0,direction=receive}': fields[2],
    'system.network.packet.dropped{name=eth0,direction=receive}': fields[3],
    'system.network.io{name=eth0,direction=transmit}': fields[8],
    'system.network.packet.count{name=eth0,direction=transmit}': fields[9],
    'system.network.errors{name=eth0,direction=transmit}': fields[10],
    'system.network.packet.dropped{name=eth0,direction=transmit}': fields[11],
  })
})
