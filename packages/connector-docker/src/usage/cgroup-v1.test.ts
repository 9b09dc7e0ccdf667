import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { readCgroupV1 } from './cgroup-v1.ts'
import { fileReader } from './kernel-files.ts'

/** Files by `controller/file`. */
function read(files: Readonly<Record<string, string>>) {
  const root = temporaryDirectory()
  for (const [file, text] of Object.entries(files)) root.write(file, text)
  return readCgroupV1((controller) => fileReader(`${root.path}/${controller}`))
}

describe('readCgroupV1', () => {
  test('returns undefined, not 0, for unreadable files', () => {
    expect(read({})).toEqual({
      cpu: {
        total: undefined,
        user: undefined,
        system: undefined,
        periods: undefined,
        throttledPeriods: undefined,
        throttledTime: undefined,
      },
      memory: { usage: undefined, workingSet: undefined, rss: undefined, limit: undefined, fails: undefined },
      pids: undefined,
      disks: undefined,
    })
  })

  test('returns times in seconds', () => {
    expect(
      read({
        'cpuacct/cpuacct.usage': '1500000000\n',
        'cpuacct/cpuacct.stat': 'user 120\nsystem 30\n',
        'cpu/cpu.stat': 'nr_periods 44\nnr_throttled 24\nthrottled_time 668088766\n',
      }).cpu,
    ).toEqual({
      total: 1.5,
      user: 1.2,
      system: 0.3,
      periods: 44,
      throttledPeriods: 24,
      throttledTime: 0.668_088_766,
    })
  })

  test('excludes inactive files, including those of nested groups, from memory', () => {
    const files = {
      'memory/memory.usage_in_bytes': '1000\n',
      'memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 300\nrss 5\ntotal_rss 500\n',
      'memory/memory.failcnt': '7\n',
    }
    expect(read(files).memory).toEqual({ usage: 700, workingSet: 700, rss: 500, limit: undefined, fails: 7 })
  })

  test.each([
    ['67108864\n', 67_108_864],
    ['9223372036854771712\n', undefined],
    ['9223372036854710272\n', undefined],
  ])('reads a limit of %s as %s', (text, limit) => {
    expect(read({ 'memory/memory.limit_in_bytes': text }).memory.limit).toBe(limit)
  })

  test('prefers the recursive disk counters', () => {
    const without = {
      'blkio/blkio.throttle.io_service_bytes': '8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n',
      'blkio/blkio.throttle.io_serviced': '8:0 Read 1\n8:16 Write 2\n',
    }
    expect(read(without).disks).toEqual([
      { device: '8:0', bytesRead: 10, bytesWritten: 20, reads: 1, writes: undefined },
      { device: '8:16', bytesRead: undefined, bytesWritten: undefined, reads: undefined, writes: 2 },
    ])
    const recursive = { 'blkio/blkio.throttle.io_service_bytes_recursive': '8:0 Read 11\n8:0 Write 21\n' }
    expect(read({ ...without, ...recursive }).disks?.[0]).toMatchObject({ bytesRead: 11, bytesWritten: 21 })
    expect(read({ 'blkio/blkio.throttle.io_service_bytes_recursive': 'Total 0\n' }).disks).toEqual([])
  })
})
