import { describe, expect, test } from 'vitest'
import { parseDiskStatistics } from './disks.ts'

describe('parseDiskStatistics', () => {
  test('returns bytes, operations and seconds', () => {
    const line =
      ' 254       0 vda 53309 12413 3193082 32568 5305 29353 2266800 4918 0 4664 37717 3351 71 74984 224 157 6'
    expect(parseDiskStatistics(`${line}\n`, () => true)).toEqual([
      {
        name: 'vda',
        reads: 53309,
        bytesRead: 3193082 * 512,
        readTime: 32.568,
        writes: 5305,
        bytesWritten: 2266800 * 512,
        writeTime: 4.918,
        busyTime: 4.664,
      },
    ])
  })

  test('skips the short partition lines of kernels before 2.6.25', () => {
    expect(parseDiskStatistics('   3    1   hda1 35486 38030 38030 38030\n', () => true)).toEqual([])
  })
})
