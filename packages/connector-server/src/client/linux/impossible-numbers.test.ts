import { describe, expect, test } from 'vitest'
import { fixtureRoot } from '../../../test/fixture-root.ts'
import { parseDiskStatistics } from './disks.ts'
import { readKernelResources } from './kernel-resources.ts'
import { parseMemoryInformation, parseZfsCache, toMemoryReading } from './meminfo.ts'
import { parseNetworkDevices } from './net-dev.ts'
import { parsePressure } from './pressure.ts'
import { parseProcessStat } from './proc-pid-stat.ts'
import { parseProcStat } from './proc-stat.ts'
import { createRootReader } from './root-reader.ts'

/** -1 as the kernel prints it. */
const MINUS_ONE = '18446744073709551615'

describe('counters of network interfaces', () => {
  const read = (line: string) => parseNetworkDevices(line, () => true)[0]
  test.each([
    [
      'a negative counter',
      `eth0: ${MINUS_ONE} 2 0 0 0 0 0 0 9 4 0 0 0 0 0 0`,
      { bytesReceived: undefined, bytesSent: 9 },
    ],
    ['a line that is cut', 'eth0: 10 2 0', { bytesReceived: 10, receiveDrops: undefined, bytesSent: undefined }],
    ['a line without counters', 'eth0:', { bytesReceived: undefined, sendDrops: undefined }],
    ['a signed counter', 'eth0: -5 2 0 0 0 0 0 0 9 4 0 0 0 0 0 0', { bytesReceived: undefined, packetsReceived: 2 }],
    ['2^32', 'eth0: 4294967296 2 0 0 0 0 0 0 9 4 0 0 0 0 0 0', { bytesReceived: 4_294_967_296 }],
  ])('reads %s', (_what, line, wanted) => {
    expect(read(line)).toMatchObject(wanted)
  })
})

describe('/proc/<pid>/stat', () => {
  const units = { ticksPerSecond: 100, pageBytes: 4096 }
  const line = ({ user = '100', system = '50', resident = '10' } = {}) =>
    Buffer.from(`7 (web) S 1 7 7 0 -1 4194560 1 0 0 0 ${user} ${system} 0 0 20 0 1 0 900 1000 ${resident} 184 1 1 0`)
  const read = (text: Buffer) => parseProcessStat(7, text, text.length, units)
  test.each([
    ['usual numbers', line(), { cpuTime: 1.5, residentBytes: 40_960, startedAt: 900 }],
    ['negative resident pages', line({ resident: '-12' }), { residentBytes: 0, cpuTime: 1.5 }],
    ['resident pages as 2^64 minus an amount', line({ resident: '18446744073709551604' }), { residentBytes: 0 }],
    ['a negative time in user space', line({ user: MINUS_ONE }), { cpuTime: undefined, residentBytes: 40_960 }],
    ['a negative time in the kernel', line({ system: '18446744073709551000' }), { cpuTime: undefined }],
  ])('reads %s', (_what, text, wanted) => {
    expect(read(text)).toMatchObject(wanted)
  })
  test('reads no line that is cut', () => {
    expect(read(Buffer.from('7 (web) S 1 7 7 0 -1 4194560 1 0'))).toBeUndefined()
  })
})

describe('/proc/stat', () => {
  test.each([
    ['a negative steal', `cpu  1 2 3 4 5 6 7 ${MINUS_ONE} 0 0\n`, { user: 0.01, steal: undefined }],
    ['a line of kernel 2.4', 'cpu  1 2 3 4\n', { idle: 0.04, iowait: 0, steal: 0 }],
    ['a column that is not a number', 'cpu  x 2 3 4 5 6 7 8 0 0\n', { user: undefined, nice: 0.02 }],
  ])('reads %s', (_what, text, wanted) => {
    expect(parseProcStat(text, 100).total).toMatchObject(wanted)
  })
})

describe('/proc/meminfo', () => {
  const read = (text: string, zfs?: string) =>
    toMemoryReading(parseMemoryInformation(text), zfs === undefined ? undefined : parseZfsCache(zfs))
  test.each([
    [
      'a negative MemAvailable',
      `MemTotal: 1000 kB\nMemFree: 400 kB\nMemAvailable: ${MINUS_ONE} kB\nCached: 100 kB\n`,
      500,
    ],
    ['lines that are cut', 'MemTotal: 1000 kB\nMemFree: 400 kB\nMemAv', 400],
    ['shared memory above the cache', 'MemTotal: 1000 kB\nMemFree: 400 kB\nCached: 100 kB\nShmem: 300 kB\n', 400],
  ])('estimates the available memory with %s', (_what, text, available) => {
    expect(read(text).available).toBe(available * 1024)
  })
  test.each([
    ['no number', 'MemTotal: kB\nMemFree: 1 kB\n'],
    ['a negative number', `MemTotal: ${MINUS_ONE} kB\nMemFree: 1 kB\n`],
    ['nothing', ''],
  ])('fails with %s as the total', (_what, text) => {
    expect(() => read(text)).toThrow('has no line `MemTotal` with a possible number')
  })
})

describe('/proc/diskstats', () => {
  test.each([
    ['a negative time', `8 0 sda 1 0 2 ${MINUS_ONE} 5 0 6 7 0 8 9`, { reads: 1, readTime: undefined, busyTime: 0.008 }],
    ['a time that was wrapped at 2^32', '8 0 sda 1 0 2 4294967295 5 0 6 7 0 8 9', { readTime: 4_294_967.295 }],
  ])('reads %s', (_what, line, wanted) => {
    expect(parseDiskStatistics(line, () => true)[0]).toMatchObject(wanted)
  })
  test('reads no line that is cut', () => {
    expect(parseDiskStatistics('8 0 sda 1 0 2', () => true)).toEqual([])
  })
})

describe('other tables', () => {
  test.each([
    ['fewer values than names', 'Tcp: CurrEstab OutSegs\nTcp: 3\n', [3, undefined]],
    ['a negative value', 'Tcp: CurrEstab OutSegs\nTcp: -1 4\n', [undefined, 4]],
    ['no values', 'Tcp: CurrEstab OutSegs\n', [undefined, undefined]],
  ])('counters of the network with %s', (_what, text, [established, segmentsSent]) => {
    const root = fixtureRoot()
    root.write('proc/1/net/snmp', text)
    const { tcp } = readKernelResources(createRootReader(root.path), 'proc/1/net')
    expect(tcp).toMatchObject({ established, segmentsSent })
  })
  test.each([
    ['a share above the whole', 'some avg10=104.20 avg60=0.00 avg300=0.00 total=5000000\n', { share: 1, total: 5 }],
    [
      'a negative total',
      `some avg10=1.00 avg60=0.00 avg300=0.00 total=${MINUS_ONE}\n`,
      { share: 0.01, total: undefined },
    ],
    ['a share of two dots', 'some avg10=1.0.0 avg60=0.00 avg300=0.00 total=5\n', { share: undefined }],
  ])('pressure with %s', (_what, text, wanted) => {
    expect(parsePressure('memory', text)[0]).toMatchObject(wanted)
  })
})
