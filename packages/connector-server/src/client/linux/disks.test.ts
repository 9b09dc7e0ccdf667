import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { createDiskReader, diskOf, parseDiskStatistics } from './disks.ts'
import { createRootReader } from './root-reader.ts'

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

  test('leaves out impossible counts', () => {
    const line = '8 0 sda 1 0 18446744073709551614 500 2 0 16 250 0 300 750\n'
    expect(parseDiskStatistics(line, () => true)).toMatchObject([{ reads: 1, bytesRead: undefined, readTime: 0.5 }])
  })
})

describe('createDiskReader', () => {
  /** Reads disks of 1024 sectors. */
  const disksOf = (lines: readonly string[]) => {
    const root = temporaryDirectory()
    root.write('proc/diskstats', `${lines.join('\n')}\n`)
    for (const line of lines) root.write(`sys/block/${line.split(' ')[2]}/size`, '1024\n')
    return createDiskReader(createRootReader(root.path))()
  }
  const path = (name: string) => `0 0 ${name} 162 2 5122 480 18918 8384 218384 118074 0 151248 169966`
  const unused = '259 0 nvme0n1 0 0 0 0 0 0 0 0 0 0 0'

  test('adds the counters of the paths to an NVMe namespace to it', () => {
    const other = '0 0 nvme0c1n1 1 0 8 20 2 0 16 30 0 200000 9'
    expect(disksOf([path('nvme0c0n1'), unused, other])).toEqual([
      {
        name: 'nvme0n1',
        bytes: 524288,
        reads: 163,
        bytesRead: 5130 * 512,
        readTime: 0.5,
        writes: 18920,
        bytesWritten: 218400 * 512,
        writeTime: 118.104,
        busyTime: 200,
      },
    ])
  })

  test('reports an NVMe namespace if only a path is listed', () => {
    expect(disksOf([path('nvme1c2n3')])).toMatchObject([{ name: 'nvme1n3', reads: 162, busyTime: 151.248 }])
  })

  test('leaves out the paths to an NVMe namespace that counts itself', () => {
    const counting = '259 0 nvme0n1 7 0 8 500 2 0 16 250 0 300 750'
    expect(disksOf([path('nvme0c0n1'), counting])).toMatchObject([{ name: 'nvme0n1', reads: 7, busyTime: 0.3 }])
  })

  test('reports a network block device, but no loop device and none without a size', () => {
    const line = (name: string) => `43 0 ${name} 7 0 8 500 2 0 16 250 0 300 750`
    expect(disksOf(['nbd0', 'rbd1', 'zd16', 'loop0', 'zram0'].map(line)).map(({ name }) => name)).toEqual([
      'nbd0',
      'rbd1',
      'zd16',
    ])
    const root = temporaryDirectory()
    root.write('proc/diskstats', `${line('nbd1')}\n`)
    root.write('sys/block/nbd1/size', '0\n')
    expect(createDiskReader(createRootReader(root.path))()).toEqual([])
  })
})

test.each([
  ['pci0000:00/0000:00:02.0/virtio1/block/vda', 'vda'],
  ['pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda12', 'sda'],
  ['pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1/nvme0n1p1', 'nvme0n1'],
  ['pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1', 'nvme0n1'],
  ['virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p2', 'nvme0n1'],
  ['virtual/nvme-subsystem/nvme-subsys0/nvme0n1', 'nvme0n1'],
  ['platform/mmc/mmc0:0001/block/mmcblk0/mmcblk0p2', 'mmcblk0'],
  ['virtual/block/dm-0', 'dm-0'],
  ['virtual/block/nbd0/nbd0p1', 'nbd0'],
  ['pci0000:00/cciss0/block/cciss!c0d0/cciss!c0d0p1', 'cciss/c0d0'],
])('diskOf finds the disk of %s', (target, expected) => {
  const root = temporaryDirectory()
  mkdirSync(join(root.path, 'sys/dev/block'), { recursive: true })
  symlinkSync(`../../devices/${target}`, join(root.path, 'sys/dev/block/259:1'))
  mkdirSync(join(root.path, 'sys/class/block'), { recursive: true })
  symlinkSync(`../../devices/${target}`, join(root.path, 'sys/class/block/device'))
  const reader = createRootReader(root.path)
  expect(diskOf(reader, '259:1', '/dev/root')).toBe(expected)
  expect(diskOf(reader, '0:31', '/dev/device')).toBe(expected)
  expect(diskOf(reader, '0:31', 'server:/dev/device')).toBeUndefined()
})
