import { readdirSync } from 'node:fs'
import type { Metric, Signals } from '@rca/core'
import { describe, expect, test } from 'vitest'
import { collectContext } from '../../test/contexts.ts'
import { fixture, fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { server } from '../connector.ts'
import type { ServerClient } from '../server-client.ts'
import { cpu } from './cpu.ts'
import { disks } from './disks.ts'
import { filesystems } from './filesystems.ts'
import { host } from './host.ts'
import { load } from './load.ts'
import { memory } from './memory.ts'
import { network } from './network.ts'
import { paging } from './paging.ts'
import { pressure } from './pressure.ts'
import { processes } from './processes.ts'
import { systemdUnits } from './systemd-units.ts'
import { uptime } from './uptime.ts'

/** `name{attribute=value}` → value, as a person would query it. */
function points({ metrics = [] }: Signals): Record<string, number> {
  return Object.fromEntries(
    metrics.filter((metric): metric is Metric => metric !== undefined).map((metric) => [label(metric), metric.value]),
  )
}

function label({ name, attributes }: Metric): string {
  return `${name}{${Object.entries(attributes).map(([key, value]) => `${key.split('.').at(-1)}=${value}`)}}`
}

test.each(['collectors', 'watchers'] as const)('every file of %s is in the table', (folder) => {
  const files = readdirSync(`${import.meta.dirname}/../${folder}`).filter((file) => !file.endsWith('.test.ts'))
  expect(Object.keys(server[folder] ?? {}).toSorted()).toEqual(files.map((file) => file.replace('.ts', '')).toSorted())
})

describe('cpu', () => {
  const line = (ticks: number[]) => ` ${ticks.join(' ')}\n`

  test('shares of the time since the last collection', async () => {
    const root = fixtureRoot()
    root.write(
      'proc/stat',
      `cpu ${line([100, 0, 100, 800, 100, 0, 0, 0])}cpu0${line([50, 0, 50, 400, 50, 0, 0, 0])}cpu1${line([50, 0, 50, 400, 50, 0, 0, 0])}processes 7\n`,
    )
    const client = openFixture(root)
    const context = collectContext()
    context.remember(await client.cpu())
    // 400 ticks in all: 100 user, 60 system, 20 interrupts, 20 stolen, 150 idle, 50 waiting; cpu2 came online.
    root.write(
      'proc/stat',
      `cpu ${line([200, 0, 160, 950, 150, 10, 10, 20])}cpu0${line([150, 0, 110, 410, 50, 10, 10, 10])}cpu1${line([50, 0, 50, 540, 100, 0, 0, 10])}cpu2${line([1, 0, 0, 1, 0, 0, 0, 0])}processes 9\n`,
    )
    const collected = points(await cpu.collect(client, context))
    expect(collected).toMatchObject({
      'system.cpu.utilization{}': 0.5,
      'system.cpu.utilization{mode=user}': 0.25,
      'system.cpu.utilization{mode=iowait}': 0.125,
      'system.cpu.utilization{mode=interrupt}': 0.05,
      'system.cpu.time{mode=user}': 2,
      'system.cpu.time{mode=idle}': 9.5,
      'system.cpu.logical.count{}': 3,
      'system.process.created{}': 9,
    })
    expect(collected['system.cpu.utilization{logical_number=0}']).toBeCloseTo(190 / 200)
    expect(collected['system.cpu.utilization{logical_number=1}']).toBeCloseTo(10 / 200)
    expect(collected).not.toHaveProperty('system.cpu.utilization{logical_number=2}')
  })

  test('the first collection compares with the time at which the client was opened', async () => {
    const root = fixtureRoot()
    root.write('proc/stat', `cpu ${line([0, 0, 0, 100])}cpu0${line([0, 0, 0, 100])}`)
    const client = openFixture(root)
    root.write('proc/stat', `cpu ${line([30, 0, 0, 170])}cpu0${line([30, 0, 0, 170])}`)
    expect(points(await cpu.collect(client, collectContext()))).toMatchObject({
      'system.cpu.utilization{}': expect.closeTo(0.3),
    })
  })

  test('time that does not pass gives no share, and time that goes back counts as none', async () => {
    const root = fixtureRoot()
    root.write('proc/stat', `cpu ${line([50, 0, 0, 100, 20])}`)
    const client = openFixture(root)
    const context = collectContext()
    context.remember(await client.cpu())
    const still = points(await cpu.collect(client, context))
    expect(Object.keys(still).filter((name) => name.startsWith('system.cpu.utilization'))).toEqual([])
    root.write('proc/stat', `cpu ${line([60, 0, 0, 130, 10])}`)
    expect(points(await cpu.collect(client, context))).toMatchObject({
      'system.cpu.utilization{}': expect.closeTo(0.25),
      'system.cpu.utilization{mode=iowait}': 0,
    })
  })

  test('stops waiting for its first reading when it is aborted', async () => {
    const client = openFixture(fixtureRoot())
    await expect(cpu.collect(client, collectContext(AbortSignal.abort(new Error('stopped'))))).rejects.toThrow('abort')
  })
})

test('load', async () => {
  const root = fixtureRoot()
  root.write('proc/loadavg', '0.10 1.11 2.06 1/90 5903\n')
  const client = openFixture(root)
  expect(points(await load.collect(client, collectContext()))).toEqual({
    'system.cpu.load_average.1m{}': 0.1,
    'system.cpu.load_average.5m{}': 1.11,
    'system.cpu.load_average.15m{}': 2.06,
  })
  const windows: ServerClient = { ...client, loadAverage: async () => undefined }
  expect(points(await load.collect(windows, collectContext()))).toEqual({})
})

describe('memory', () => {
  test('the states add up to the limit', async () => {
    const collected = points(await memory.collect(openFixture(fixtureRoot()), collectContext()))
    const states = ['used', 'free', 'buffers', 'cached'].map(
      (state) => collected[`system.memory.usage{state=${state}}`]!,
    )
    expect(states.every((bytes) => bytes > 0)).toBe(true)
    expect(states.reduce((sum, bytes) => sum + bytes)).toBe(collected['system.memory.limit{}'])
    expect(collected['system.memory.utilization{}']).toBeCloseTo(
      1 - collected['system.memory.linux.available{}']! / (24684084 * 1024),
    )
  })

  test('on another system, what it does not count is left out', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      platform: 'win32',
      memory: async () => ({ total: 100, free: 30, available: 40, buffers: undefined, cached: undefined }),
    }
    expect(points(await memory.collect(client, collectContext()))).toEqual({
      'system.memory.limit{}': 100,
      'system.memory.utilization{}': 0.6,
      'system.memory.usage{state=used}': 70,
      'system.memory.usage{state=free}': 30,
    })
  })
})

describe('paging', () => {
  test('with swap space', async () => {
    const root = fixtureRoot()
    root.write('proc/meminfo', 'SwapTotal: 100 kB\nSwapFree: 75 kB\n')
    root.write('proc/vmstat', 'pswpin 3\npswpout 4\npgfault 50\npgmajfault 5\n')
    expect(points(await paging.collect(openFixture(root), collectContext()))).toEqual({
      'system.paging.usage{state=used}': 25600,
      'system.paging.usage{state=free}': 76800,
      'system.paging.utilization{}': 0.25,
      'system.paging.operations{direction=in}': 3,
      'system.paging.operations{direction=out}': 4,
      'system.paging.faults{type=major}': 5,
      'system.paging.faults{type=minor}': 45,
    })
  })

  test('without swap space there is no utilization, without counters no counts', async () => {
    const root = fixtureRoot()
    root.remove('proc/vmstat')
    expect(points(await paging.collect(openFixture(root), collectContext()))).toEqual({
      'system.paging.usage{state=used}': 0,
      'system.paging.usage{state=free}': 0,
    })
  })
})

describe('filesystems', () => {
  test('of the captured machine', async () => {
    const collected = await filesystems.collect(openFixture(fixtureRoot()), collectContext())
    expect(collected.entities?.map((entity) => [entity?.id, entity?.attributes['system.filesystem.mode']])).toEqual([
      ['/', 'rw'],
      ['/dev/shm', 'rw'],
      ['/run/a volume', 'ro'],
    ])
    expect(collected.entities?.[0]).toMatchObject({
      attributes: { 'system.filesystem.type': 'ext4', 'system.device': '/dev/vda' },
      relations: [
        { type: 'part_of', target: { type: 'host' } },
        { type: 'stored_on', target: { type: 'disk', id: 'vda' } },
      ],
    })
    expect(collected.gaps).toEqual([])
    expect(points({ metrics: collected.metrics!.slice(0, 8) })).toEqual({
      'system.filesystem.limit{mountpoint=/}': 4_096_000,
      'system.filesystem.utilization{mountpoint=/}': 500 / 950,
      'system.filesystem.usage{mountpoint=/,state=used}': 2_048_000,
      'system.filesystem.usage{mountpoint=/,state=free}': 1_843_200,
      'system.filesystem.usage{mountpoint=/,state=reserved}': 204_800,
      'server.filesystem.inode.limit{mountpoint=/}': 100,
      'server.filesystem.inode.usage{mountpoint=/,state=used}': 10,
      'server.filesystem.inode.usage{mountpoint=/,state=free}': 90,
    })
  })

  test('one that cannot be read is a gap and costs the others nothing; one without blocks is none', async () => {
    const client = openFixture(fixtureRoot(), {
      statfs: async (path) => {
        if (path.endsWith('volume')) throw new Error('ESTALE: stale file handle')
        const blocks = path.endsWith('shm') ? 0 : 10
        return { type: 0, bsize: 1, frsize: 1, blocks, bfree: 5, bavail: 5, files: 0, ffree: 0 }
      },
    })
    const collected = await filesystems.collect(client, collectContext())
    expect(collected.gaps).toEqual([{ scope: 'filesystem:/run/a volume', reason: 'ESTALE: stale file handle' }])
    expect(collected.entities?.map((entity) => entity?.id)).toEqual(['/', '/run/a volume'])
    expect(Object.keys(points(collected)).filter((name) => name.includes('inode') || name.includes('volume'))).toEqual(
      [],
    )
    expect(points(collected)).toMatchObject({ 'system.filesystem.utilization{mountpoint=/}': 0.5 })
  })
})

test('disks', async () => {
  const root = fixtureRoot()
  root.change(
    'proc/diskstats',
    (text) => `${text}   8  0 sda 1 0 8 500 2 0 16 250 0 300 750\n   8  1 sda1 1 0 8 5 2 0 16 2 0 3 7\n`,
  )
  root.write('sys/block/sda/size', '2048\n')
  const collected = await disks.collect(openFixture(root), collectContext())
  expect(collected.entities?.map((entity) => entity?.id)).toEqual(['vda', 'sda'])
  expect(points({ metrics: collected.metrics!.slice(8) })).toEqual({
    'system.disk.limit{device=sda}': 1_048_576,
    'system.disk.io{device=sda,direction=read}': 4096,
    'system.disk.io{device=sda,direction=write}': 8192,
    'system.disk.operations{device=sda,direction=read}': 1,
    'system.disk.operations{device=sda,direction=write}': 2,
    'system.disk.operation_time{device=sda,direction=read}': 0.5,
    'system.disk.operation_time{device=sda,direction=write}': 0.25,
    'system.disk.io_time{device=sda}': 0.3,
  })
})

test('network', async () => {
  const collected = await network.collect(openFixture(fixtureRoot()), collectContext())
  expect(collected.entities).toMatchObject([
    { type: 'network.interface', id: 'eth0', relations: [{ type: 'part_of' }] },
  ])
  const fields = /eth0:(.*)/.exec(fixture('linux-vm/proc/1/net/dev'))![1]!.trim().split(/ +/).map(Number)
  expect(points(collected)).toEqual({
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

describe('processes', () => {
  test('of the captured machine, by state and by memory', async () => {
    const collected = points(await processes.collect(openFixture(fixtureRoot()), collectContext()))
    expect(collected).toEqual({
      'system.process.count{state=running}': 0,
      'system.process.count{state=sleeping}': 3,
      'system.process.count{state=blocked}': 0,
      'system.process.count{state=stopped}': 1,
      'system.process.count{state=defunct}': 1,
      'process.memory.usage{pid=5613,name=python3}': 3358 * 4096,
      'process.memory.usage{pid=5611,name=a) R (b}': 413 * 4096,
    })
  })

  test('by CPU: the share of the whole machine since the last time', async () => {
    const client = openFixture(fixtureRoot())
    const state = 'running' as const
    const process = (pid: number, cpuTime: number, startedAt = 1) => ({
      pid,
      name: `p${pid}`,
      startedAt,
      state,
      cpuTime,
      residentBytes: 0,
    })
    const at = (takenAt: number, list: ReturnType<typeof process>[]): ServerClient => ({
      ...client,
      processes: async () => ({ takenAt, logicalCpus: 2, processes: list }),
    })
    const context = collectContext()
    await processes.collect(at(0, [process(1, 100), process(2, 50), process(3, 70), process(4, 9)]), context)
    const later = at(10_000, [process(1, 105), process(2, 50), process(3, 2, 2), process(4, 10), process(5, 1)])
    const collected = points(await processes.collect(later, context))
    // 2 did nothing; 3 is another process with the same pid; of 4 and 5, behind the two busiest, nothing is said.
    expect(Object.entries(collected).filter(([name]) => name.startsWith('process.cpu'))).toEqual([
      ['process.cpu.utilization{pid=1,name=p1}', 0.25],
      ['process.cpu.utilization{pid=3,name=p3}', 0.1],
    ])
  })

  test('where the system computes shares, they are passed on', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      processes: async () => ({
        takenAt: 0,
        logicalCpus: 2,
        processes: [{ pid: 1, name: 'a', startedAt: 'x', state: undefined, cpuShare: 0.5, residentBytes: 1 }],
      }),
    }
    expect(points(await processes.collect(client, collectContext()))).toMatchObject({
      'process.cpu.utilization{pid=1,name=a}': 0.5,
    })
  })
})

describe('pressure', () => {
  test('of the captured machine', async () => {
    const names = Object.keys(points(await pressure.collect(openFixture(fixtureRoot()), collectContext())))
    expect(names.filter((name) => name.startsWith('server.pressure.share'))).toEqual([
      'server.pressure.share{resource=cpu,kind=some}',
      'server.pressure.share{resource=io,kind=some}',
      'server.pressure.share{resource=io,kind=full}',
      'server.pressure.share{resource=memory,kind=some}',
      'server.pressure.share{resource=memory,kind=full}',
    ])
  })

  test('a kernel without it is no failure', async () => {
    const root = fixtureRoot()
    root.remove('proc/pressure')
    expect(await pressure.collect(openFixture(root), collectContext())).toEqual({ metrics: [] })
  })
})

test('uptime', async () => {
  const root = fixtureRoot()
  root.write('proc/uptime', '910.84 1736.32\n')
  expect(points(await uptime.collect(openFixture(root), collectContext()))).toEqual({ 'system.uptime{}': 910.84 })
  root.write('proc/uptime', '')
  await expect(uptime.collect(openFixture(root), collectContext())).rejects.toThrow('`proc/uptime` holds no number')
})

describe('host', () => {
  test('names of the host are those below the root, hardware is the kernel’s', async () => {
    const client = openFixture(fixtureRoot())
    const collected = await host.collect(client, collectContext())
    expect(points(collected)).toEqual({ 'system.cpu.physical.count{}': 2 })
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

  test('what no file says is left out', async () => {
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
})

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
