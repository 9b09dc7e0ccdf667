import type { StatsFs } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Mount } from '../server-client.ts'
import { createFilesystemUsageReader, type FilesystemUsageOptions } from './filesystem-usage.ts'

const statistics: StatsFs = { type: 0, bsize: 10, frsize: 10, blocks: 100, bfree: 60, bavail: 50, files: 0, ffree: 0 }
const neverAborts = new AbortController().signal

function mount(mountPoint: string, type = 'ext4'): Mount {
  return {
    mountPoint,
    device: 'server:/share',
    type,
    readOnly: false,
    filesystemReadOnly: false,
    disk: undefined,
  }
}

/** A statfs that hangs for the given paths until `release` is called. */
function hangingStatfs(hanging: string[]) {
  const calls: string[] = []
  const releases: (() => void)[] = []
  const statfs = (path: string | Buffer): Promise<StatsFs> => {
    calls.push(String(path))
    if (!hanging.includes(String(path))) return Promise.resolve(statistics)
    return new Promise((resolve) => releases.push(() => resolve(statistics)))
  }
  const release = (): void => {
    for (const answer of releases.splice(0)) answer()
  }
  return { calls, statfs, release }
}

/** Creates a reader. Calls in this process and outside of it are answered by the same function. */
function createReader(statfs: FilesystemUsageOptions['statfs'], options: Partial<FilesystemUsageOptions> = {}) {
  const resolve = ({ mountPoint }: Mount) => mountPoint
  return createFilesystemUsageReader({ statfs, statfsOutside: statfs, resolve, timeoutMs: 5, ...options })
}

describe('createFilesystemUsageReader', () => {
  test('calls a filesystem once for readers that come at the same moment', async () => {
    const { calls, statfs } = hangingStatfs([])
    let now = 0
    const read = createReader(statfs, { now: () => now })
    const [first, second] = await Promise.all([
      read([mount('/data')], neverAborts),
      read([{ ...mount('/data'), readOnly: true }], neverAborts),
    ])
    expect([first[0]?.mount.readOnly, second[0]?.mount.readOnly]).toEqual([false, true])
    expect(second[0]?.usage).toEqual(first[0]?.usage)
    expect(calls).toEqual(['/data'])
    now += 1_000
    await read([mount('/data')], neverAborts)
    expect(calls).toEqual(['/data', '/data'])
  })

  test('reports an impossible size as a problem, and limits impossible parts', async () => {
    const minusOne = 2 ** 64 - 1
    const answers: Readonly<Record<string, StatsFs>> = {
      '/huge': { ...statistics, blocks: minusOne },
      '/overfull': { ...statistics, bfree: minusOne, bavail: minusOne },
      '/free': { ...statistics, bfree: 300, bavail: 200 },
    }
    const read = createReader(async (path) => answers[String(path)] ?? statistics)
    const readings = await read(
      Object.keys(answers).map((path) => mount(path)),
      neverAborts,
    )
    expect(readings).toMatchObject([
      { problem: expect.stringContaining('impossible size') },
      { usage: { total: 1000, used: 1000, available: 0 } },
      { usage: { total: 1000, used: 0, available: 1000 } },
    ])
    expect(readings[0]?.usage).toBeUndefined()
  })

  test('reads the others when one filesystem hangs, and does not call that one again until it has answered', async () => {
    const { calls, statfs, release } = hangingStatfs(['/host/mnt/share'])
    let time = 0
    const now = (): number => (time += 1_000)
    const read = createReader(statfs, { resolve: ({ mountPoint }) => `/host${mountPoint}`, now })
    const mounts = [mount('/mnt/share'), mount('/')]
    const usage = { total: 1000, used: 400, available: 500, inodes: undefined, freeInodes: undefined }

    expect(await read(mounts, neverAborts)).toEqual([
      { mount: mounts[0], problem: 'statfs did not return within 5 ms' },
      { mount: mounts[1], usage },
    ])
    expect(await read(mounts, neverAborts)).toEqual([
      { mount: mounts[0], problem: 'the previous statfs call has not returned yet' },
      { mount: mounts[1], usage },
    ])
    expect(calls).toEqual(['/host/mnt/share', '/host/', '/host/'])

    release()
    await new Promise((resolve) => setImmediate(resolve))
    await read(mounts, neverAborts)
    expect(calls.slice(3)).toEqual(['/host/mnt/share', '/host/'])
  })

  test('calls no further filesystem while two hang, since each blocks a shared thread', async () => {
    const { calls, statfs } = hangingStatfs(['/a', '/b'])
    const read = createReader(statfs)
    await read([mount('/a'), mount('/b')], neverAborts)
    expect(await read([mount('/a'), mount('/c')], neverAborts)).toMatchObject([
      { problem: 'the previous statfs call has not returned yet' },
      { problem: 'skipped while /a and /b do not answer' },
    ])
    expect(calls).toEqual(['/a', '/b'])
  })

  test('calls filesystems that may hang outside, however many do, and those below them', async () => {
    const inside: string[] = []
    const outside = hangingStatfs(['/a', '/b', '/c'])
    const read = createReader(
      async (path) => {
        inside.push(String(path))
        return statistics
      },
      { statfsOutside: outside.statfs },
    )
    const mounts = [
      mount('/'),
      mount('/a', 'nfs4'),
      mount('/b', 'fuse.sshfs'),
      mount('/c', 'cifs'),
      mount('/c/data', 'xfs'),
      mount('/d', 'fuse.x'),
      mount('/dd'),
    ]
    const readings = await read(mounts, neverAborts)
    expect(readings.map(({ problem }) => problem !== undefined)).toEqual([false, true, true, true, false, false, false])
    expect(inside).toEqual(['/', '/dd'])
    expect(outside.calls).toEqual(['/a', '/b', '/c', '/c/data', '/d'])
    expect((await read(mounts, neverAborts)).map(({ problem }) => problem !== undefined)).toEqual(
      readings.map(({ problem }) => problem !== undefined),
    )
  })

  test('aborts a call outside at the timeout, and uses an answer for some seconds', async () => {
    let now = 0
    const signals: AbortSignal[] = []
    const { statfs, calls } = hangingStatfs(['/a'])
    const read = createReader(async () => statistics, {
      now: () => now,
      statfsOutside: (path, signal) => {
        signals.push(signal)
        return statfs(path)
      },
    })
    const mounts = [mount('/a', 'nfs4'), mount('/b', 'nfs4')]
    await read(mounts, neverAborts)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    now = 11_999
    await read(mounts, neverAborts)
    expect(calls).toEqual(['/a', '/b'])
    now = 12_000
    await read(mounts, neverAborts)
    expect(calls).toEqual(['/a', '/b', '/b'])
  })

  test('waits until the timeout even if garbage is collected before', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const { statfs } = hangingStatfs(['/a'])
    const read = createReader(statfs, { timeoutMs: 50 })
    const reading = read([mount('/a')], neverAborts)
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    expect(await reading).toMatchObject([{ problem: 'statfs did not return within 50 ms' }])
  })

  test('stops waiting on abort', async () => {
    const { statfs } = hangingStatfs(['/a'])
    const read = createReader(statfs, { timeoutMs: 60_000 })
    const controller = new AbortController()
    const reading = read([mount('/a')], controller.signal)
    controller.abort()
    expect(await reading).toMatchObject([{ problem: expect.stringContaining('did not return') }])
    await expect(read([], controller.signal)).rejects.toThrow('abort')
  })

  test.each([
    ['blocks of the size `frsize`', { bsize: 131072, frsize: 512, blocks: 2147483648 }, { total: 1024 ** 4 }],
    ['blocks of the size `bsize` without `frsize`', { bsize: 4096, frsize: undefined, blocks: 10 }, { total: 40960 }],
    ['a negative space for users as 0', { bavail: 2 ** 64 - 5 }, { used: 400, available: 0 }],
    ['no more space for users than is free', { bavail: 70 }, { used: 400, available: 600 }],
    ['no more free blocks than blocks', { bfree: 200, bavail: 200 }, { used: 0, available: 1000 }],
    ['no more free inodes than inodes', { files: 10, ffree: 20 }, { inodes: 10, freeInodes: 10 }],
  ])('counts %s', async (_what, change, expected) => {
    const statfs = async (): Promise<StatsFs> => ({ ...statistics, ...change }) as StatsFs
    const [reading] = await createReader(statfs)([mount('/')], neverAborts)
    expect(reading?.usage).toMatchObject(expected)
  })
})
