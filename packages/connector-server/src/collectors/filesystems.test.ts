import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
      statfs: async (bytes) => {
        const path = String(bytes)
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

  test('leaves out a single file that is mounted in a container', async () => {
    const root = fixtureRoot()
    root.write('etc/hosts', '127.0.0.1 localhost\n')
    root.write('data/file', '')
    root.write(
      'proc/1/mountinfo',
      [
        '43 42 0:90 / / rw - overlay overlay rw',
        '70 43 8:1 /var/lib/docker/containers/a/hosts /etc/hosts rw - ext4 /dev/sda1 rw',
        '71 43 8:1 /var/lib/docker/volumes/a/_data /data rw - ext4 /dev/sda1 rw',
        '72 43 8:2 /etc/hostname /etc/hostname rw - xfs /dev/sdb1 rw',
        '',
      ].join('\n'),
    )
    const { entities } = await filesystems.collect(openFixture(root), collectContext())
    expect(entities?.map((entity) => entity?.id)).toEqual(['/', '/data'])
  })

  test('passes the bytes of a name that is not UTF-8 on to the system', async () => {
    const root = fixtureRoot()
    const line = Buffer.from('70 43 8:17 / /mnt/caf\xe9 rw - xfs /dev/sdb1 rw\n', 'latin1')
    writeFileSync(join(root.path, 'proc/1/mountinfo'), line)
    const paths: (string | Buffer)[] = []
    const client = openFixture(root, {
      statfs: async (path) => {
        paths.push(path)
        return { type: 0, bsize: 1, frsize: 1, blocks: 10, bfree: 5, bavail: 5, files: 0, ffree: 0 }
      },
    })
    const collected = await filesystems.collect(client, collectContext())
    expect(paths).toEqual([Buffer.from(`${root.path}/mnt/caf\xe9`, 'latin1')])
    expect(collected.entities?.map((entity) => entity?.id)).toEqual(['/mnt/caf\\xe9'])
    expect(collected.gaps).toEqual([])
  })
})
