import { describe, expect, test } from 'vitest'
import { damaged, numbersIn } from '../../test/damaged-answers.ts'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { parseStats } from './engine-stats.ts'

describe.each(engineNames)('parseStats: stats of %s', (name) => {
  const of = captured(name)

  test('returns the usage of running containers only', () => {
    for (const container of ['shop-web-1', 'plain', 'on-host', 'paused', 'sick', 'tty']) {
      const usage = parseStats(of.stats(container) ?? {}, undefined)
      expect(usage?.cpu.total, container).toBeGreaterThan(0)
      expect(usage?.memory.usage, container).toBeGreaterThan(0)
      expect(usage?.memory.limit, container).toBeUndefined()
      expect(usage?.pids, container).toBeGreaterThan(0)
    }
    expect(parseStats(of.stats('crashed') ?? {}, undefined)).toBeUndefined()
  })
})

test('parseStats leaves out amounts that cannot be, one by one', () => {
  const wrapped = 2 ** 64 - 4096
  const row = (op: string, value: number) => ({ major: 8, minor: 0, op, value })
  const stats = {
    cpu_stats: { cpu_usage: { total_usage: 5e9, usage_in_usermode: -1, usage_in_kernelmode: wrapped } },
    memory_stats: { usage: 4096, stats: { total_inactive_file: wrapped, total_rss: wrapped }, failcnt: Number.NaN },
    pids_stats: { current: wrapped },
    networks: { eth0: { rx_bytes: wrapped, rx_packets: 2, tx_bytes: -3 } },
    blkio_stats: { io_service_bytes_recursive: [row('Read', wrapped), row('Write', 512)] },
  }
  expect(parseStats(stats, undefined)).toMatchObject({
    cpu: { total: 5, user: undefined, system: undefined },
    memory: { usage: 4096, rss: undefined },
    pids: undefined,
    networks: [{ bytesReceived: undefined, packetsReceived: 2, bytesTransmitted: undefined }],
    disks: [{ device: '8:0', bytesRead: undefined, bytesWritten: 512 }],
  })
})

test('parseStats returns exact values of one engine', () => {
  expect(parseStats(captured(exactEngine).stats('shop-web-1') ?? {}, 67_108_864)).toEqual({
    cpu: {
      total: 1.559_470_351,
      user: 1.45,
      system: 0.1,
      periods: 44,
      throttledPeriods: 24,
      throttledTime: 0.668_088_766,
    },
    memory: {
      usage: 8_069_120,
      workingSet: 8_069_120,
      rss: 3_223_552,
      limit: 67_108_864,
      // The engine leaves it out.
      fails: 0,
    },
    pids: 3,
    networks: [
      {
        name: 'eth0',
        bytesReceived: 19_955,
        packetsReceived: 294,
        errorsReceived: 0,
        droppedReceived: 0,
        bytesTransmitted: 12_605_733,
        packetsTransmitted: 337,
        errorsTransmitted: 0,
        droppedTransmitted: 0,
      },
    ],
    disks: [{ device: '7:0', bytesRead: 6_291_456, bytesWritten: 4_194_304, reads: 40, writes: 64 }],
  })
})

describe('parseStats: unexpected answers', () => {
  test.each([
    ['of version 1', exactEngine],
    ['of version 2', 'engine-26-cgroup-v2'],
  ])('invents no number when any single field is damaged, with control groups %s', (_name, engine) => {
    const answer = captured(engine).stats('shop-web-1') ?? {}
    const numbers = numbersIn(parseStats(answer, 100))
    expect(numbers.size).toBeGreaterThan(20)
    for (const { name, answer: broken } of damaged(answer)) {
      // Without this field, memory includes inactive files, or another field provides the value.
      if (/inactive_file|memory_stats\.stats/.test(name)) continue
      const usage = parseStats(broken as Record<string, unknown>, 100)
      for (const [path, value] of numbersIn(usage)) expect(value, `${path} where ${name}`).toBe(numbers.get(path))
    }
  })

  test('returns total memory without statistics', () => {
    const usage = parseStats(
      { cpu_stats: { cpu_usage: { total_usage: 5 } }, memory_stats: { usage: 1000, failcnt: 3 } },
      undefined,
    )
    expect(usage?.memory).toEqual({ usage: 1000, workingSet: 1000, rss: undefined, limit: undefined, fails: 3 })
    expect(usage).toMatchObject({ pids: undefined, networks: undefined, disks: undefined })
  })

  test.each([
    ['inactive_file', 'anon'],
    ['total_inactive_file', 'total_rss'],
  ])('subtracts `%s` from memory, and reads anonymous memory from `%s`', (inactive, anonymous) => {
    const stats = { [inactive]: 300, [anonymous]: 500 }
    const usage = parseStats(
      { cpu_stats: { cpu_usage: { total_usage: 5 } }, memory_stats: { usage: 1000, stats } },
      undefined,
    )
    expect(usage?.memory).toMatchObject({ usage: 700, workingSet: 700, rss: 500 })
  })

  test('returns undefined without CPU time', () => {
    expect(parseStats({}, 100)).toBeUndefined()
    expect(parseStats({ cpu_stats: null, memory_stats: { usage: 5 } }, 100)).toBeUndefined()
  })

  test('returns disk bytes without operations, and operations without bytes', () => {
    const rows = (value: number) => [
      { major: 8, minor: 0, op: 'read', value },
      { major: 8, minor: 0, op: 'Write', value: value + 1 },
      { major: 8, minor: 0, op: 'Total', value: 99 },
    ]
    const disks = (blkio: unknown) =>
      parseStats({ cpu_stats: { cpu_usage: { total_usage: 5 } }, blkio_stats: blkio }, undefined)?.disks
    expect(disks({ io_service_bytes_recursive: rows(10), io_serviced_recursive: null })).toEqual([
      { device: '8:0', bytesRead: 10, bytesWritten: 11, reads: undefined, writes: undefined },
    ])
    expect(disks({ io_serviced_recursive: rows(1) })).toEqual([
      { device: '8:0', bytesRead: undefined, bytesWritten: undefined, reads: 1, writes: 2 },
    ])
    expect(disks({ io_service_bytes_recursive: [], io_serviced_recursive: [] })).toEqual([])
  })
})
