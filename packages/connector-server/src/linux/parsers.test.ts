import { describe, expect, test } from 'vitest'
import { fixture } from '../../test/fixture-root.ts'
import { parseDiskStatistics } from './diskstats.ts'
import { parseOutOfMemoryVictims } from './kernel-log.ts'
import { parseKernelUnits } from './kernel-units.ts'
import { parseMemoryInformation, toMemoryReading } from './meminfo.ts'
import { parseMountInformation, selectFilesystems } from './mountinfo.ts'
import { parseNetworkDevices } from './net-dev.ts'
import { parseOsRelease } from './os-release.ts'
import { parsePressure } from './pressure.ts'
import { numberAfter, parseProcStat } from './proc-stat.ts'
import { parseProcessStat } from './process-stat.ts'
import { parseFailedUnits } from './systemd.ts'

describe('proc/stat', () => {
  test('adds up what the kernel counted, in seconds', () => {
    const text =
      'cpu  4437 3 3046 173631 296 7 50 39 11 2\ncpu0 1725 0 1345 87600 23 0 10 16 0 0\nctxt 1\nbtime 1795336678\nprocesses 5906\n'
    const stat = parseProcStat(text, 100)
    expect(stat.total).toEqual({
      user: 44.37,
      nice: 0.03,
      system: 30.46,
      idle: 1736.31,
      iowait: 2.96,
      interrupt: 0.57,
      steal: 0.39,
    })
    expect([...stat.cores.keys()]).toEqual([0])
    expect(stat.cores.get(0)?.idle).toBe(876)
    expect(stat).toMatchObject({ processesCreated: 5906, bootTime: 1795336678 })
  })

  test('of the captured machine', () => {
    const { total, cores } = parseProcStat(fixture('linux-vm/proc/stat'), 100)
    expect([...cores.keys()]).toEqual([0, 1])
    expect(cores.get(0)!.user! + cores.get(1)!.user!).toBeCloseTo(total.user!, 1)
  })

  test('says when it is something else', () => {
    expect(() => parseProcStat('', 100)).toThrow('`proc/stat` has no line `cpu`')
  })

  test('a number that is not there is not 0', () => {
    expect(numberAfter('\noom_kill 3\n', '\noom_kill ')).toBe(3)
    expect(numberAfter('\npgfault 3\n', '\noom_kill ')).toBeUndefined()
    expect(numberAfter('\noom_kill x\n', '\noom_kill ')).toBeUndefined()
  })
})

describe('proc/meminfo', () => {
  test('of the captured machine', () => {
    const reading = toMemoryReading(parseMemoryInformation(fixture('linux-vm/proc/meminfo')))
    expect(reading.total).toBe(24684084 * 1024)
    expect(reading.available).toBeLessThan(reading.total)
    expect(reading.free + reading.buffers! + reading.cached!).toBeLessThan(reading.total)
  })

  test('counts stay counts', () => {
    expect(parseMemoryInformation('HugePages_Total:       4\nHugepagesize:       2048 kB\n')).toEqual(
      new Map([
        ['HugePages_Total', 4],
        ['Hugepagesize', 2048 * 1024],
      ]),
    )
  })

  test('without MemAvailable, what is free or can be given back', () => {
    const text = 'MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 20 kB\nSReclaimable: 4 kB\n'
    expect(toMemoryReading(parseMemoryInformation(text))).toEqual({
      total: 102400,
      free: 10240,
      available: 39 * 1024,
      buffers: 5120,
      cached: 24 * 1024,
    })
  })

  test('says which line is missing', () => {
    expect(() => toMemoryReading(parseMemoryInformation('MemFree: 1 kB'))).toThrow('`MemTotal`')
  })
})

describe('mountinfo', () => {
  const mount = (line: string) => parseMountInformation(line)[0]

  test('unescapes names', () => {
    const line = String.raw`63 43 0:39 / /run/a\040volume\134x\011y ro,relatime shared:1 master:2 - nfs4 server:/a\040b rw,vers=4.2`
    expect(mount(line)).toEqual({
      filesystem: '0:39',
      folder: '/',
      mountPoint: '/run/a volume\\x\ty',
      type: 'nfs4',
      device: 'server:/a b',
      readOnly: true,
    })
  })

  test.each([
    ['rw,relatime', 'rw', false],
    ['ro,relatime', 'rw', true],
    ['rw,relatime', 'ro,errors=remount-ro', true],
    ['rw,relatime', 'rw,errors=remount-ro', false],
    ['rw,relatime', 'rw,emergency_ro', true],
    ['rw', 'rw,shutdown', true],
  ])('%s - %s', (mountOptions, superOptions, readOnly) => {
    expect(mount(`1 0 8:1 / / ${mountOptions} - ext4 /dev/sda1 ${superOptions}`)?.readOnly).toBe(readOnly)
  })

  test('selects each filesystem with data once', () => {
    const selected = selectFilesystems(parseMountInformation(fixture('linux-vm/proc/1/mountinfo')))
    expect(selected.map(({ mountPoint, type }) => `${mountPoint} ${type}`)).toEqual([
      '/ ext4',
      '/dev/shm tmpfs',
      '/run/a volume tmpfs',
    ])
  })

  test.each([
    [
      'an overlay is left out, unless it is the root',
      ['0:50 / /var/lib/docker/overlay2/x/merged overlay', '0:51 / / overlay'],
      ['/'],
    ],
    ['a bind mount that stands before its filesystem', ['8:1 /data /srv xfs', '8:1 / /mnt/disk xfs'], ['/mnt/disk']],
    ['of bind mounts alone the shortest', ['8:1 /a /mnt/long xfs', '8:1 /b /srv xfs'], ['/srv']],
    ['what a later mount hides', ['8:1 / /data ext4', '8:2 / /data xfs'], ['/data']],
    [
      'memory of containers and sessions',
      ['0:60 / /run/user/0 tmpfs', '0:61 / /var/lib/kubelet/pods/a tmpfs', '0:62 / /tmp tmpfs'],
      ['/tmp'],
    ],
    ['a volume of a pod', ['8:9 / /var/lib/kubelet/pods/a/volumes/b ext4'], ['/var/lib/kubelet/pods/a/volumes/b']],
    ['images', ['7:1 / /snap/core squashfs', '11:0 / /media/cd iso9660'], []],
  ])('%s', (_name, lines, expected) => {
    const text = lines.map((line, index) => {
      const [device, folder, mountPoint, type] = line.split(' ')
      return `${index} 0 ${device} ${folder} ${mountPoint} rw - ${type} source rw`
    })
    expect(selectFilesystems(parseMountInformation(text.join('\n'))).map(({ mountPoint }) => mountPoint)).toEqual(
      expected,
    )
  })
})

describe('proc/diskstats', () => {
  test('counts bytes, operations and seconds', () => {
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

  test('lines of kernels before 2.6.25 for partitions are left out', () => {
    expect(parseDiskStatistics('   3    1   hda1 35486 38030 38030 38030\n', () => true)).toEqual([])
  })
})

test('proc/net/dev', () => {
  const text = `Inter-|   Receive    |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0:465728972 12491 1 2 0 0 0 0 853218 8222 3 4 0 0 0 0
`
  expect(parseNetworkDevices(text, (name) => name !== 'lo')).toEqual([
    {
      name: 'eth0',
      bytesReceived: 465728972,
      packetsReceived: 12491,
      receiveErrors: 1,
      receiveDrops: 2,
      bytesSent: 853218,
      packetsSent: 8222,
      sendErrors: 3,
      sendDrops: 4,
    },
  ])
})

test('proc/pressure', () => {
  const text =
    'some avg10=1.50 avg60=0.29 avg300=0.75 total=11574378\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n'
  const some = { kind: 'some', share: 0.015, total: 11.574378 }
  expect(parsePressure('io', text)).toEqual([
    { resource: 'io', ...some },
    { resource: 'io', kind: 'full', share: 0, total: 2 },
  ])
  expect(parsePressure('cpu', text)).toEqual([{ resource: 'cpu', ...some }])
  expect(parsePressure('irq', '')).toEqual([])
})

describe('proc/<pid>/stat', () => {
  const units = { ticksPerSecond: 100, pageBytes: 4096 }
  const parse = (text: string) => parseProcessStat(7, Buffer.from(`${text}………`), Buffer.byteLength(text), units)

  test.each([
    ['5611', { name: 'a) R (b', state: 'sleeping', startedAt: 222771, cpuTime: 0, residentBytes: 413 * 4096 }],
    ['5612', { name: 'bash', state: 'stopped', cpuTime: 0, residentBytes: 234 * 4096 }],
    ['5613', { name: 'python3', state: 'sleeping', cpuTime: 0.05, residentBytes: 3358 * 4096 }],
    ['5655', { name: 'python3', state: 'defunct', residentBytes: 0 }],
    ['2', { name: 'kthreadd', state: 'sleeping', residentBytes: 0 }],
  ])('%s', (pid, expected) => {
    expect(parse(fixture(`linux-vm/proc/${pid}/stat`))).toMatchObject({ pid: 7, ...expected })
  })

  test.each(['', '5 (x', '5 (x) R 1 2 3'])('of "%s" nothing is guessed', (text) => {
    expect(parse(text)).toBeUndefined()
  })
})

test('the auxiliary vector', () => {
  const vector = Buffer.alloc(64)
  for (const [index, value] of [17n, 250n, 6n, 65536n].entries()) vector.writeBigUInt64LE(value, index * 8)
  expect(parseKernelUnits(vector)).toEqual({ ticksPerSecond: 250, pageBytes: 65536 })
  expect(parseKernelUnits(Buffer.alloc(0))).toEqual({ ticksPerSecond: 100, pageBytes: 4096 })
})

test('os-release', () => {
  const values = parseOsRelease(fixture('linux-vm/etc/os-release'))
  expect(values.get('PRETTY_NAME')).toBe('Debian GNU/Linux 12 (bookworm)')
  expect(values.get('VERSION_ID')).toBe('12')
  expect(parseOsRelease(`# x\nNAME='A "B"'\nVERSION="a\\"b\\$c"\nID=debian\n`)).toEqual(
    new Map([
      ['NAME', 'A "B"'],
      ['VERSION', 'a"b$c'],
      ['ID', 'debian'],
    ]),
  )
})

describe('systemctl show', () => {
  const now = { date: new Date('2026-11-22T09:00:00.000Z'), uptime: 1532.922646 }

  test('of two failed units', () => {
    expect(parseFailedUnits(fixture('systemctl-show-failed.txt'), now)).toEqual([
      {
        name: 'killed.service',
        description: 'Kills itself',
        result: 'signal',
        exitCode: undefined,
        killedBy: 9,
        failedAt: new Date('2026-11-22T08:59:50.000Z'),
        invocationId: 'f60294b469574ffebcd1b36abcd658e1',
      },
      {
        name: 'broken.service',
        description: 'Exits with 3',
        result: 'exit-code',
        exitCode: 3,
        killedBy: undefined,
        failedAt: new Date('2026-11-22T08:59:49.998Z'),
        invocationId: '559bf49d22cf4c30b547818f67a10c62',
      },
    ])
  })

  test('of a unit without a main process', () => {
    const text = 'Id=data.mount\nDescription=a=b\nActiveState=failed\nStateChangeTimestampMonotonic=0\nInvocationID=\n'
    expect(parseFailedUnits(text, now)).toEqual([
      {
        name: 'data.mount',
        description: 'a=b',
        result: undefined,
        exitCode: undefined,
        killedBy: undefined,
        failedAt: undefined,
        invocationId: undefined,
      },
    ])
  })

  test('of none, and of one that has recovered meanwhile', () => {
    expect(parseFailedUnits('', now)).toEqual([])
    expect(parseFailedUnits('Id=a.service\nActiveState=active\n', now)).toEqual([])
  })
})

describe('the kernel’s log', () => {
  test('of a kill in a control group', () => {
    expect(parseOutOfMemoryVictims(fixture('linux-vm/dev/kmsg'))).toEqual([
      { pid: 5539, name: 'python3', inControlGroup: true, residentBytes: (20224 + 6492) * 1024, uptime: 2209.752075 },
    ])
  })

  test('of a kill by the machine', () => {
    const record =
      '3,99,5000000,-;Out of memory: Killed process 12 (a (b) c) total-vm:1kB, UID:0 pgtables:4kB oom_score_adj:0\n'
    expect(parseOutOfMemoryVictims(record)).toEqual([
      { pid: 12, name: 'a (b) c', inControlGroup: false, residentBytes: undefined, uptime: 5 },
    ])
  })
})
