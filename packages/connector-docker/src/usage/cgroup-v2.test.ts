import { describe, expect, test } from 'vitest'
import { readCgroupV2 } from './cgroup-v2.ts'

function read(files: Readonly<Record<string, string>>) {
  return readCgroupV2((name) => files[name])
}

describe('readCgroupV2', () => {
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

  test('leaves out amounts that cannot be', () => {
    const wrapped = '18446744073709547520'
    const files = {
      'memory.current': '8192\n',
      'memory.stat': `anon ${wrapped}\ninactive_file ${wrapped}\n`,
      'pids.current': `${wrapped}\n`,
      'io.stat': `8:0 rbytes=${wrapped} wbytes=512 rios=1 wios=2\n`,
    }
    expect(read(files)).toMatchObject({
      memory: { usage: 8192, rss: undefined },
      pids: undefined,
      disks: [{ device: '8:0', bytesRead: undefined, bytesWritten: 512, reads: 1, writes: 2 }],
    })
  })

  test('returns times in seconds, and no periods when the kernel has none', () => {
    const times = 'usage_usec 1500000\nuser_usec 1200000\nsystem_usec 300000\n'
    expect(read({ 'cpu.stat': times }).cpu).toEqual({
      total: 1.5,
      user: 1.2,
      system: 0.3,
      periods: undefined,
      throttledPeriods: undefined,
      throttledTime: undefined,
    })
    const throttling = `${times}nr_periods 44\nnr_throttled 24\nthrottled_usec 668088\n`
    expect(read({ 'cpu.stat': throttling }).cpu).toMatchObject({
      periods: 44,
      throttledPeriods: 24,
      throttledTime: 0.668_088,
    })
  })

  test.each([
    ['67108864\n', 67_108_864],
    ['max\n', undefined],
  ])('excludes inactive files from memory, and reads a limit of %j as %s', (text, limit) => {
    expect(
      read({
        'memory.current': '1000\n',
        'memory.stat': 'anon 500\nfile 400\ninactive_file 300\n',
        'memory.max': text,
        'memory.events': 'low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n',
      }).memory,
    ).toEqual({ usage: 700, workingSet: 700, rss: 500, limit, fails: 7 })
  })

  test('parses disk counters in any order and with further columns', () => {
    const text = [
      '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0',
      '8:16 rios=3 cost.wait=0.00 depth=max',
      '253:0 ',
      '253:1 253:2 rbytes=5 future=6 ',
      '',
    ].join('\n')
    expect(read({ 'io.stat': text, 'pids.current': '3\n' })).toMatchObject({
      pids: 3,
      disks: [
        { device: '8:0', bytesRead: 10, bytesWritten: 20, reads: 1, writes: 2 },
        { device: '8:16', bytesRead: undefined, bytesWritten: undefined, reads: 3, writes: undefined },
        { device: '253:2', bytesRead: 5, bytesWritten: undefined, reads: undefined, writes: undefined },
      ],
    })
    expect(read({ 'io.stat': '' }).disks).toEqual([])
  })
})
