import { excludeNames } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../../test/fixture-root.ts'
import { parsePressure } from './pressure.ts'

describe('openLinuxClient', () => {
  test('rejects a root without /proc, with the fix', () => {
    const root = fixtureRoot()
    root.remove('proc')
    expect(() => openFixture(root)).toThrow(
      /`root_path`: .*proc\/stat does not exist\. Mount the host's root directory there/,
    )
  })

  test('returns wanted mounts, and reads the table again when it has changed', async () => {
    const root = fixtureRoot()
    const client = openFixture(root, { wantsMount: excludeNames(['/dev/*']) })
    const names = async () => (await client.mounts()).map(({ mountPoint }) => mountPoint)
    expect(await names()).toEqual(['/', '/run/a volume'])
    expect(await client.mounts()).toBe(await client.mounts())
    root.change('proc/1/mountinfo', (text) => `${text}70 43 8:17 / /data rw - xfs /dev/sdb1 rw\n`)
    expect(await names()).toEqual(['/', '/run/a volume', '/data'])
  })

  test('sees that ext4 ended writing after an error of this boot, although the table of mounts says `rw`', async () => {
    const root = fixtureRoot()
    root.change('proc/1/mountinfo', (text) => text.replace('ext4 /dev/vda rw', 'ext4 /dev/vda rw,errors=remount-ro'))
    const client = openFixture(root)
    const isReadOnly = async () => {
      const [mount] = await client.mounts()
      expect(mount?.readOnly).toBe(mount?.filesystemReadOnly)
      return mount?.filesystemReadOnly
    }
    expect(await isReadOnly()).toBe(false)
    const errors = (count: number, at: number): void => {
      root.write('sys/fs/ext4/vda/errors_count', `${count}\n`)
      root.write('sys/fs/ext4/vda/last_error_time', `${at}\n`)
    }
    errors(0, 0)
    expect(await isReadOnly()).toBe(false)
    const now = Math.floor(Date.now() / 1000)
    // The disk keeps errors of earlier boots, and the filesystem was mounted again.
    errors(1, now - 400 * 86_400)
    expect(await isReadOnly()).toBe(false)
    errors(2, now)
    expect(await isReadOnly()).toBe(true)
    root.change('proc/1/mountinfo', (text) => text.replace(',errors=remount-ro', ',errors=continue'))
    expect(await isReadOnly()).toBe(false)
  })

  test('counts processors that are added and taken away while it runs', async () => {
    const root = fixtureRoot()
    const client = openFixture(root)
    const added = [2, 3, 4, 5, 6, 7].map((number) => `cpu${number} 1 0 1 1 0 0 0 0 0 0\n`).join('')
    const count = async () => (await client.processes()).logicalCpus
    expect(await count()).toBe(2)
    root.change('proc/stat', (text) => text.replace('intr ', `${added}intr `))
    expect(await count()).toBe(8)
    root.change('proc/stat', (text) => text.replace(added, ''))
    expect(await count()).toBe(2)
  })

  test('does not look at a mount point below a share, which may not answer', async () => {
    const root = fixtureRoot()
    // A file, which is left out where it is looked at.
    root.write('mnt/share/config', '')
    root.write('srv/config', '')
    const mounts = ['90 43 0:90 / /mnt/share rw - nfs4 host:/srv rw', '91 90 8:18 /a /mnt/share/config rw - ext4 b rw']
    const local = '92 43 8:19 /a /srv/config rw - ext4 c rw'
    root.change('proc/1/mountinfo', (text) => `${text}${[...mounts, local].join('\n')}\n`)
    const names = (await openFixture(root).mounts()).map(({ mountPoint }) => mountPoint)
    expect(names).toContain('/mnt/share/config')
    expect(names).not.toContain('/srv/config')
  })

  test('finds a new disk, and forgets a removed one', async () => {
    const root = fixtureRoot()
    const client = openFixture(root)
    const names = async () => (await client.disks()).map(({ name, bytes }) => [name, bytes])
    const line = '   8  0 sdb 1 0 8 500 2 0 16 250 0 300 750\n'
    root.write('sys/block/sdb/size', '10')
    expect(await names()).toEqual([['vda', 536870912 * 512]])
    root.change('proc/diskstats', (text) => text + line)
    expect(await names()).toContainEqual(['sdb', 5120])
    root.change('proc/diskstats', (text) => text.replace(line, ''))
    await client.disks()
    root.write('sys/block/sdb/size', '20')
    root.change('proc/diskstats', (text) => text + line)
    expect(await names()).toContainEqual(['sdb', 10240])
  })

  test.each(['proc/loadavg', 'proc/meminfo', 'proc/1/mountinfo', 'proc/1/net/dev'])(
    'rejects an empty /%s instead of finding nothing',
    async (file) => {
      const root = fixtureRoot()
      root.write(file, '')
      const client = openFixture(root)
      const reads = [client.loadAverage(), client.memory(), client.mounts(), client.networkInterfaces()]
      const failures = (await Promise.allSettled(reads)).filter(({ status }) => status === 'rejected')
      expect(failures).toMatchObject([{ reason: { message: `/${file} is empty: the agent cannot read this machine` } }])
    },
  )

  test('reads the boot of the host below the root', async () => {
    const boot = await openFixture(fixtureRoot()).boot()
    expect(boot.id).toBe('5b1c1a1e-8a5f-4f2e-9d0c-3c8f6f1f2a77')
    expect(boot.startedAt.getTime()).toBeLessThan(Date.now())
  })
})

test('parsePressure reads `some` and `full`, but no `full` of cpu', () => {
  const text =
    'some avg10=1.50 avg60=0.29 avg300=0.75 total=11574378\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n'
  const some = { kind: 'some', share: 0.015, total: 11.574378 }
  expect(parsePressure('io', text)).toEqual([
    { resource: 'io', ...some },
    { resource: 'io', kind: 'full', share: 0, total: 2 },
  ])
  expect(parsePressure('cpu', text)).toEqual([{ resource: 'cpu', ...some }])
  expect(parsePressure('irq', '')).toEqual([])
})
