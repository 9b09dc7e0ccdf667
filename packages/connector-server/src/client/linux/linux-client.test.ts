import { excluding } from '@rca/core/connector'
import { expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../../test/fixture-root.ts'

test('a root without /proc is refused, with the way out', () => {
  const root = fixtureRoot()
  root.remove('proc')
  expect(() => openFixture(root)).toThrow(/`root_path`: there is no .*proc\/stat\. Mount the host's root folder there/)
})

test('mounts are those that are wanted, and are read anew when they change', async () => {
  const root = fixtureRoot()
  const client = openFixture(root, { wantsMount: excluding(['/dev/*']) })
  const names = async () => (await client.mounts()).map(({ mountPoint }) => mountPoint)
  expect(await names()).toEqual(['/', '/run/a volume'])
  expect(await client.mounts()).toBe(await client.mounts())
  root.change('proc/1/mountinfo', (text) => `${text}70 43 8:17 / /data rw - xfs /dev/sdb1 rw\n`)
  expect(await names()).toEqual(['/', '/run/a volume', '/data'])
})

test('a disk that comes is seen, and one that goes is forgotten', async () => {
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

test('the boot is that of the host', async () => {
  const boot = await openFixture(fixtureRoot()).boot()
  expect(boot.id).toBe('5b1c1a1e-8a5f-4f2e-9d0c-3c8f6f1f2a77')
  expect(boot.startedAt.getTime()).toBeLessThan(Date.now())
})
