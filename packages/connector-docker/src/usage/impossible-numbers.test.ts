import { describe, expect, test } from 'vitest'
import { parseNetworkDevices } from './cgroup-reader.ts'
import { readCgroupV1 } from './cgroup-v1.ts'
import { readCgroupV2 } from './cgroup-v2.ts'
import { parseStats } from './engine-stats.ts'

/** -1 as the kernel prints it. */
const MINUS_ONE = '18446744073709551615'

/** The largest multiple of a page below 2^63. */
const UNLIMITED = '9223372036854771712'

describe('control groups of version 2', () => {
  const read = (files: Readonly<Record<string, string>>) => readCgroupV2((name) => files[name])
  test.each([
    ['the largest limit', { 'memory.max': UNLIMITED }, { memory: { limit: undefined } }],
    ['no limit', { 'memory.max': 'max\n' }, { memory: { limit: undefined } }],
    ['a limit', { 'memory.max': '33554432\n' }, { memory: { limit: 33_554_432 } }],
    ['negative memory', { 'memory.current': `${MINUS_ONE}\n` }, { memory: { usage: undefined } }],
    [
      'more inactive files than memory',
      { 'memory.current': '4096\n', 'memory.stat': 'inactive_file 8192\n' },
      { memory: { usage: 0, workingSet: 0 } },
    ],
    ['a negative CPU time', { 'cpu.stat': `usage_usec ${MINUS_ONE}\nuser_usec 5\n` }, { cpu: { total: undefined } }],
    ['a file that is cut', { 'cpu.stat': 'usage_usec 2000000\nuser_us' }, { cpu: { total: 2, user: undefined } }],
    ['an empty file', { 'pids.current': '' }, { pids: undefined }],
    ['a text for a number', { 'pids.current': 'max\n' }, { pids: undefined }],
    [
      'a negative counter of a device',
      { 'io.stat': `8:0 rbytes=${MINUS_ONE} wbytes=4096 rios=1 wios=1\n` },
      { disks: [{ device: '8:0', bytesRead: undefined, bytesWritten: 4096 }] },
    ],
  ])('reads %s', (_what, files, wanted) => {
    expect(read(files)).toMatchObject(wanted)
  })
})

describe('control groups of version 1', () => {
  const read = (files: Readonly<Record<string, string>>) => readCgroupV1(() => (name) => files[name])
  test.each([
    ['the largest limit', { 'memory.limit_in_bytes': `${UNLIMITED}\n` }, { memory: { limit: undefined } }],
    ['a negative limit', { 'memory.limit_in_bytes': '-1\n' }, { memory: { limit: undefined } }],
    ['a negative CPU time', { 'cpuacct.usage': '-5\n' }, { cpu: { total: undefined } }],
    ['a time in user space above 2^63', { 'cpuacct.stat': `user ${MINUS_ONE}\nsystem 200\n` }, { cpu: { system: 2 } }],
    [
      'throttling that is cut',
      { 'cpu.stat': 'nr_periods 5\nnr_thr' },
      { cpu: { periods: 5, throttledPeriods: undefined } },
    ],
  ])('reads %s', (_what, files, wanted) => {
    expect(read(files)).toMatchObject(wanted)
  })
})

describe('stats of the engine', () => {
  const cpu = { cpu_usage: { total_usage: 2e9 } }
  test.each([
    ['negative memory', { cpu_stats: cpu, memory_stats: { usage: -4096 } }, { memory: { usage: undefined } }],
    [
      'memory near 2^64',
      { cpu_stats: cpu, memory_stats: { usage: 18_446_744_073_709_548_000 } },
      { memory: { usage: undefined } },
    ],
    ['numbers as texts', { cpu_stats: cpu, pids_stats: { current: '4' } }, { pids: undefined, cpu: { total: 2 } }],
    [
      'null in place of tables',
      { cpu_stats: cpu, memory_stats: null, networks: null, blkio_stats: null },
      { cpu: { total: 2 } },
    ],
    [
      'a negative counter',
      { cpu_stats: cpu, networks: { eth0: { rx_bytes: -1, tx_bytes: 4 } } },
      { networks: [{ bytesReceived: undefined, bytesTransmitted: 4 }] },
    ],
  ])('reads %s', (_what, answer, wanted) => {
    expect(parseStats(answer, undefined)).toMatchObject(wanted)
  })
  test('reads nothing from a negative CPU time', () => {
    expect(parseStats({ cpu_stats: { cpu_usage: { total_usage: -1 } } }, undefined)).toBeUndefined()
  })
})

describe('network devices of a process', () => {
  test.each([
    ['a line that is cut', 'eth0: 10 2', { bytesReceived: 10, bytesTransmitted: undefined }],
    [
      'a negative counter',
      `eth0: ${MINUS_ONE} 2 0 0 0 0 0 0 9 4 0 0 0 0 0 0`,
      { bytesReceived: undefined, bytesTransmitted: 9 },
    ],
  ])('reads %s', (_what, line, wanted) => {
    expect(parseNetworkDevices(line)[0]).toMatchObject(wanted)
  })
})
