import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { memory } from './memory.ts'

describe('memory', () => {
  test('reports states that add up to the limit', async () => {
    const collected = pointsOf(await memory.collect(openFixture(fixtureRoot()), collectContext()))
    const states = ['used', 'free', 'buffers', 'cached'].map(
      (state) => collected[`system.memory.usage{state=${state}}`]!,
    )
    expect(states.every((bytes) => bytes > 0)).toBe(true)
    expect(states.reduce((sum, bytes) => sum + bytes)).toBe(collected['system.memory.limit{}'])
    expect(collected['system.memory.utilization{}']).toBeCloseTo(
      1 - collected['system.memory.linux.available{}']! / (24684084 * 1024),
    )
  })

  test('leaves out what Windows does not count', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      platform: 'win32',
      memory: async () => ({ total: 100, free: 30, available: 40, buffers: undefined, cached: undefined }),
    }
    expect(pointsOf(await memory.collect(client, collectContext()))).toEqual({
      'system.memory.limit{}': 100,
      'system.memory.utilization{}': 0.6,
      'system.memory.usage{state=used}': 70,
      'system.memory.usage{state=free}': 30,
    })
  })

  /** Collects from a `/proc/meminfo` with these lines, in kilobytes. */
  const collectFrom = async (lines: Record<string, number>, files: Record<string, string> = {}) => {
    const root = fixtureRoot()
    const text = Object.entries(lines).map(([name, kilobytes]) => `${name}: ${kilobytes} kB\n`)
    root.write('proc/meminfo', text.join(''))
    for (const [file, content] of Object.entries(files)) root.write(file, content)
    const points = pointsOf(await memory.collect(openFixture(root), collectContext()))
    const states = ['used', 'free', 'buffers', 'cached'].map(
      (state) => points[`system.memory.usage{state=${state}}`] ?? 0,
    )
    expect(states.every((bytes) => bytes >= 0)).toBe(true)
    expect(states.reduce((sum, bytes) => sum + bytes)).toBe(points['system.memory.limit{}'])
    return {
      points,
      available: points['system.memory.linux.available{}']! / 1024,
      utilization: points['system.memory.utilization{}']!,
    }
  }

  test.each([
    [
      'more than the total, in a container',
      { MemTotal: 1048576, MemFree: 625528, MemAvailable: 1331200, Cached: 351880 },
      625528 + 351880,
    ],
    [
      'nothing, although most of the memory is free',
      { MemTotal: 24684084, MemFree: 23629696, MemAvailable: 0, Buffers: 9684, Cached: 297240, Shmem: 8872 },
      23629696 + 9684 + 297240 - 8872,
    ],
    [
      'a negative amount',
      { MemTotal: 4194304, MemFree: 1048576, MemAvailable: 2 ** 64 - 205600, Cached: 524288 },
      1048576 + 524288,
    ],
    [
      'nothing, because the kernel is too old, and leaves out shared memory',
      { MemTotal: 16777216, MemFree: 524288, Cached: 13631488, Shmem: 12582912, SReclaimable: 102400 },
      524288 + 13631488 - 12582912 + 102400,
    ],
    [
      'nothing, because the kernel is too old, but lists file pages',
      { MemTotal: 1000, MemFree: 100, Cached: 500, 'Active(file)': 120, 'Inactive(file)': 80 },
      100 + 120 + 80,
    ],
    [
      'nothing, and more shared memory than caches',
      { MemTotal: 1000, MemFree: 100, Cached: 200, Shmem: 300, SReclaimable: 10 },
      110,
    ],
  ])('estimates the available memory if the kernel states %s', async (_what, lines, expected) => {
    const { available, utilization } = await collectFrom(lines as Record<string, number>)
    expect(available).toBe(expected)
    expect(utilization).toBeCloseTo(1 - expected / lines.MemTotal)
  })

  test('accepts less available than free memory: the kernel keeps a part', async () => {
    expect((await collectFrom({ MemTotal: 1000, MemFree: 500, MemAvailable: 420 })).available).toBe(420)
    expect((await collectFrom({ MemTotal: 1000, MemFree: 20, MemAvailable: 0 })).available).toBe(0)
  })

  test.each([
    ['free memory', { MemTotal: 1000, MemFree: 1200, MemAvailable: 900 }, { free: 1000 }],
    ['caches', { MemTotal: 1000, MemFree: 300, MemAvailable: 900, Cached: 5000 }, { free: 300, cached: 700 }],
    [
      'buffers',
      { MemTotal: 1000, MemFree: 300, MemAvailable: 900, Cached: 600, Buffers: 200 },
      { free: 300, cached: 600, buffers: 100, used: 0 },
    ],
  ])('limits %s to the rest of the total', async (_what, lines, states) => {
    const { points } = await collectFrom(lines as Record<string, number>)
    for (const [state, kilobytes] of Object.entries(states))
      expect(points[`system.memory.usage{state=${state}}`]).toBe(kilobytes * 1024)
  })

  describe('in a container', () => {
    const lines = { MemTotal: 1 << 20, MemFree: 1 << 19, MemAvailable: 1 << 19 }
    const limitsOf = async (files: Record<string, string>) =>
      Object.entries((await collectFrom(lines, files)).points).filter(([name]) => name.startsWith('server.memory'))

    test.each([
      ['2', 'memory.max', 'memory.current'],
      ['1', 'memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes'],
    ])(
      'reports its limit and usage beside the memory of the host, with control groups %s',
      async (_v, limit, usage) => {
        const files = { [`sys/fs/cgroup/${limit}`]: '134217728\n', [`sys/fs/cgroup/${usage}`]: '1048576\n' }
        expect(await limitsOf(files)).toEqual([
          ['server.memory.container.limit{}', 134217728],
          ['server.memory.container.usage{}', 1048576],
        ])
      },
    )

    test.each([
      ['memory.max', 'max'],
      ['memory.max', '2147483648'],
      ['memory/memory.limit_in_bytes', '9223372036854771712'],
    ])('reports none for %s with %s', async (file, text) => {
      expect(await limitsOf({ [`sys/fs/cgroup/${file}`]: `${text}\n` })).toEqual([])
    })
  })

  describe('with ZFS', () => {
    const GIBIBYTE = 1 << 30
    const lines = { MemTotal: 32 << 20, MemFree: 1 << 20, MemAvailable: 3 << 19, Cached: 1 << 19 }
    const statistics = (size: number, minimum: number) => ({
      'proc/spl/kstat/zfs/arcstats': `13 1 0x01 147 39984 5016541414 7\nname                            type data\nhits                            4    19048\nc_min                           4    ${minimum}\nc_max                           4    99\nsize                            4    ${size}\noverhead_size                   4    7\n`,
    })

    test('counts its cache above the minimum as available and as cached', async () => {
      const { available, points } = await collectFrom(lines, statistics(15 * GIBIBYTE, GIBIBYTE))
      expect(available).toBe((3 << 19) + (14 << 20))
      expect(points['system.memory.usage{state=cached}']).toBe(14.5 * GIBIBYTE)
      expect(points['system.memory.usage{state=used}']).toBe(16.5 * GIBIBYTE)
    })

    test('counts no cache below the minimum', async () => {
      expect((await collectFrom(lines, statistics(GIBIBYTE / 2, GIBIBYTE))).available).toBe(3 << 19)
    })

    test('does not count the cache of the host in a container', async () => {
      const files = statistics(50 * GIBIBYTE, GIBIBYTE)
      expect((await collectFrom(lines, files)).available).toBe(3 << 19)
      const table =
        '43 1 0:5 / / rw - ext4 /dev/sda1 rw\n90 43 0:60 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n'
      const share = { ...statistics(15 * GIBIBYTE, GIBIBYTE), 'proc/1/mountinfo': table }
      expect((await collectFrom(lines, share)).available).toBe(3 << 19)
    })
  })
})
