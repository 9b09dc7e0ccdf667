import { describe, expect, test } from 'vitest'
import { collectContext } from '../../test/contexts.ts'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { points } from '../../test/points.ts'
import { filesystems } from './filesystems.ts'

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
