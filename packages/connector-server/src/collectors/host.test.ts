import { hostname } from 'node:os'
import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { host } from './host.ts'

describe('host', () => {
  test('reads names below the root, and hardware from the kernel', async () => {
    const client = openFixture(fixtureRoot())
    const collected = await host.collect(client, collectContext())
    expect(pointsOf(collected)).toEqual({ 'system.cpu.physical.count{}': 2 })
    expect(collected.gaps).toEqual([])
    expect(collected.entities).toEqual([
      {
        type: 'host',
        id: client.machine.hashedId,
        name: 'web-1',
        relations: [],
        attributes: {
          'host.name': 'web-1',
          'host.id': client.machine.hashedId,
          'host.arch': process.arch === 'x64' ? 'amd64' : process.arch,
          'host.cpu.model.name': 'AMD EPYC',
          'host.cpu.vendor.id': 'AMD',
          'os.type': 'linux',
          'os.name': 'Debian GNU/Linux',
          'os.version': '12',
          'os.description': 'Debian GNU/Linux 12 (bookworm)',
          'server.kernel.release': '6.18.44',
          'server.boot.id': '5b1c1a1e-8a5f-4f2e-9d0c-3c8f6f1f2a77',
          'server.hypervisor': 'KVM',
        },
      },
    ])
  })

  test('leaves out facts that no file has', async () => {
    const root = fixtureRoot()
    for (const file of ['etc/os-release', 'proc/sys']) root.remove(file)
    const { attributes } = (await host.collect(openFixture(root), collectContext())).entities![0]!
    expect(Object.keys(attributes)).toEqual([
      'host.name',
      'host.id',
      'host.arch',
      'host.cpu.model.name',
      'host.cpu.vendor.id',
      'os.type',
      'server.hypervisor',
    ])
  })

  test('reports a gap where the name is that of the container', async () => {
    const root = fixtureRoot()
    root.write('etc/hostname', '# no name\n')
    const { entities, gaps } = await host.collect(openFixture(root), collectContext())
    expect(entities?.[0]?.attributes['host.name']).toBe(hostname())
    expect(gaps).toEqual([{ scope: 'host.name', reason: expect.stringContaining('has no name of the host') }])
  })
})
