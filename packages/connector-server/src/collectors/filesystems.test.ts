import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { filesystems } from './filesystems.ts'

describe('filesystems', () => {
  test('reports space and inodes of a captured machine', async () => {
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
    expect(pointsOf({ metrics: collected.metrics!.slice(0, 8) })).toEqual({
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

  test('reports a gap for an unreadable filesystem, and skips one without blocks', async () => {
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
    expect(
      Object.keys(pointsOf(collected)).filter((name) => name.includes('inode') || name.includes('volume')),
    ).toEqual([])
    expect(pointsOf(collected)).toMatchObject({ 'system.filesystem.utilization{mountpoint=/}': 0.5 })
  })
})
