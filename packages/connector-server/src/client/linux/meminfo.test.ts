import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseMemoryInformation, toMemoryReading } from './meminfo.ts'

describe('meminfo', () => {
  test('reads a captured machine', () => {
    const reading = toMemoryReading(parseMemoryInformation(fixture('linux-vm/proc/meminfo')))
    expect(reading.total).toBe(24684084 * 1024)
    expect(reading.available).toBeLessThan(reading.total)
    expect(reading.free + reading.buffers! + reading.cached!).toBeLessThan(reading.total)
  })

  test('keeps counts without a unit', () => {
    expect(parseMemoryInformation('HugePages_Total:       4\nHugepagesize:       2048 kB\n')).toEqual(
      new Map([
        ['HugePages_Total', 4],
        ['Hugepagesize', 2048 * 1024],
      ]),
    )
  })

  test('estimates available memory without MemAvailable', () => {
    const text = 'MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 20 kB\nSReclaimable: 4 kB\n'
    expect(toMemoryReading(parseMemoryInformation(text))).toEqual({
      total: 102400,
      free: 10240,
      available: 39 * 1024,
      buffers: 5120,
      cached: 24 * 1024,
    })
  })

  test('names the missing line', () => {
    expect(() => toMemoryReading(parseMemoryInformation('MemFree: 1 kB'))).toThrow('`MemTotal`')
  })
})
