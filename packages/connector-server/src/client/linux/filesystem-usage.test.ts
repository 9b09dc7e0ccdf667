import type { StatsFs } from 'node:fs'
import { expect, test } from 'vitest'
import type { Mount } from '../server-client.ts'
import { createFilesystemUsageReader } from './filesystem-usage.ts'

const statistics: StatsFs = { type: 0, bsize: 10, frsize: 10, blocks: 100, bfree: 60, bavail: 50, files: 0, ffree: 0 }
const running = new AbortController().signal

function mount(mountPoint: string): Mount {
  return { mountPoint, device: 'server:/share', type: 'nfs4', readOnly: false, disk: undefined }
}

/** Filesystems of which some do not answer until they are released. */
function filesystems(silent: string[]) {
  const asked: string[] = []
  const releases: (() => void)[] = []
  const statfs = (path: string): Promise<StatsFs> => {
    asked.push(path)
    if (!silent.includes(path)) return Promise.resolve(statistics)
    return new Promise((resolve) => releases.push(() => resolve(statistics)))
  }
  const release = (): void => {
    for (const answer of releases.splice(0)) answer()
  }
  return { asked, statfs, release }
}

test('one that hangs costs the others nothing, and is not asked again before it has answered', async () => {
  const { asked, statfs, release } = filesystems(['/host/mnt/gone'])
  const reader = createFilesystemUsageReader(statfs, (mountPoint) => `/host${mountPoint}`, 5)
  const mounts = [mount('/mnt/gone'), mount('/')]
  const usage = { total: 1000, used: 400, available: 500, inodes: undefined, freeInodes: undefined }

  expect(await reader.read(mounts, running)).toEqual([
    { mount: mounts[0], problem: 'it did not answer within 5 ms' },
    { mount: mounts[1], usage },
  ])
  expect(await reader.read(mounts, running)).toEqual([
    { mount: mounts[0], problem: 'it has not answered since it was last asked' },
    { mount: mounts[1], usage },
  ])
  expect(asked).toEqual(['/host/mnt/gone', '/host/', '/host/'])

  release()
  await new Promise((resolve) => setImmediate(resolve))
  await reader.read(mounts, running)
  expect(asked.slice(3)).toEqual(['/host/mnt/gone', '/host/'])
})

test('while two hang, no other is asked: each holds a thread that everyone shares', async () => {
  const { asked, statfs } = filesystems(['/a', '/b'])
  const reader = createFilesystemUsageReader(statfs, (mountPoint) => mountPoint, 5)
  await reader.read([mount('/a'), mount('/b')], running)
  expect(await reader.read([mount('/a'), mount('/c')], running)).toMatchObject([
    { problem: 'it has not answered since it was last asked' },
    { problem: 'not asked while /a and /b do not answer' },
  ])
  expect(asked).toEqual(['/a', '/b'])
})

test('an abort ends the wait', async () => {
  const { statfs } = filesystems(['/a'])
  const reader = createFilesystemUsageReader(statfs, (mountPoint) => mountPoint, 60_000)
  const controller = new AbortController()
  const reading = reader.read([mount('/a')], controller.signal)
  controller.abort()
  expect(await reading).toMatchObject([{ problem: expect.stringContaining('did not answer') }])
  await expect(reader.read([], controller.signal)).rejects.toThrow('abort')
})
