import { describe, expect, test } from 'vitest'
import {
  toDiskReadings,
  toFilesystemReading,
  toMemoryReading,
  toNetworkInterfaceReading,
  toProcessReading,
} from './translate.ts'

const process = {
  pid: 5,
  name: 'node',
  state: 'running',
  started: '2026-11-22 08:37:59',
  cpu: 50,
  memRss: 100,
} as Parameters<typeof toProcessReading>[0]

describe('toProcessReading', () => {
  test('divides the CPU share of macOS by the number of processors', () => {
    expect(toProcessReading(process, 'darwin', 4)).toEqual({
      pid: 5,
      name: 'node',
      state: 'running',
      startedAt: '2026-11-22 08:37:59',
      cpuShare: 0.125,
      residentBytes: 102_400,
    })
    expect(toProcessReading(process, 'win32', 4).cpuShare).toBe(0.5)
  })

  test('maps states, also unknown ones', () => {
    expect(toProcessReading({ ...process, state: 'unknown' }, 'win32', 4).state).toBe('unknown')
    expect(toProcessReading({ ...process, state: 'zombie' }, 'linux', 4).state).toBe('defunct')
  })
})

test('toMemoryReading leaves out what a system does not count', () => {
  const memory = { total: 10, free: 4, available: 5, buffers: 0, cached: 0 } as Parameters<typeof toMemoryReading>[0]
  expect(toMemoryReading(memory)).toEqual({ total: 10, free: 4, available: 5, buffers: undefined, cached: undefined })
})

test('toFilesystemReading maps mount and usage', () => {
  const filesystem = {
    fs: '/dev/disk1s1',
    type: 'APFS',
    size: 100,
    used: 30,
    available: 60,
    use: 33,
    mount: '/',
    rw: false,
  }
  expect(toFilesystemReading(filesystem)).toEqual({
    mount: {
      mountPoint: '/',
      device: '/dev/disk1s1',
      type: 'APFS',
      readOnly: true,
      filesystemReadOnly: true,
      disk: undefined,
    },
    usage: { total: 100, used: 30, available: 60, inodes: undefined, freeInodes: undefined },
  })
})

describe('toDiskReadings', () => {
  const bytes = { rx: 10, wx: 20 } as Parameters<typeof toDiskReadings>[0]
  const operations = { rIO: 1, wIO: 2 } as Parameters<typeof toDiskReadings>[1]

  test('returns one sum', () => {
    expect(toDiskReadings(bytes, operations)).toMatchObject([
      { name: 'all', bytesRead: 10, bytesWritten: 20, reads: 1, writes: 2 },
    ])
    expect(toDiskReadings(null, operations)).toMatchObject([{ name: 'all', bytesRead: undefined, reads: 1 }])
  })

  test('returns nothing on Windows', () => {
    expect(toDiskReadings(null, null)).toEqual([])
  })
})

test('toNetworkInterfaceReading leaves out packets, which the library does not count', () => {
  const statistics = {
    iface: 'en0',
    rx_bytes: 1,
    tx_bytes: 2,
    rx_errors: 3,
    tx_errors: 4,
    rx_dropped: 5,
    tx_dropped: 6,
  }
  expect(toNetworkInterfaceReading(statistics as Parameters<typeof toNetworkInterfaceReading>[0])).toEqual({
    name: 'en0',
    bytesReceived: 1,
    bytesSent: 2,
    packetsReceived: undefined,
    packetsSent: undefined,
    receiveErrors: 3,
    sendErrors: 4,
    receiveDrops: 5,
    sendDrops: 6,
  })
})
