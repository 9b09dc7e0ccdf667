import { readdirSync, readlinkSync } from 'node:fs'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { openKernelLog, parseOutOfMemoryVictims } from './kernel-log.ts'

describe('parseOutOfMemoryVictims', () => {
  test('reads a kill in a control group', () => {
    expect(parseOutOfMemoryVictims(fixture('linux-vm/dev/kmsg'))).toEqual([
      { pid: 5539, name: 'python3', inControlGroup: true, residentBytes: (20224 + 6492) * 1024, uptime: 2209.752075 },
    ])
  })

  test('reads a kill for the whole machine', () => {
    const record =
      '3,99,5000000,-;Out of memory: Killed process 12 (a (b) c) total-vm:1kB, UID:0 pgtables:4kB oom_score_adj:0\n'
    expect(parseOutOfMemoryVictims(record)).toEqual([
      { pid: 12, name: 'a (b) c', inControlGroup: false, residentBytes: undefined, uptime: 5 },
    ])
  })
})

describe('openKernelLog', () => {
  const crash = (pid: number, name: string): string =>
    `4,100,${pid},-;${name}[${pid}]: segfault at 0 ip 0000000000000000 sp 00007ffd error 14 in ${name}\n`
  const kill = (pid: number, name: string): string =>
    `3,99,5000000,-;Out of memory: Killed process ${pid} (${name}) total-vm:1kB\n`

  test('reads each record once, and returns what it has found since it was opened', () => {
    const root = temporaryDirectory()
    root.write('kmsg', crash(7, 'httpd') + kill(8, 'java'))
    const log = openKernelLog(`${root.path}/kmsg`)
    onTestFinished(() => log.close())
    expect(log.crashes()).toEqual([{ pid: 7, name: 'httpd', signal: 11 }])
    expect(log.outOfMemoryVictims()).toMatchObject([{ pid: 8, name: 'java' }])
    // A record that was changed shows whether it is read again.
    root.change('kmsg', (text) => text.replace('httpd[7]', 'nginx[9]') + kill(10, 'node'))
    expect(log.outOfMemoryVictims()).toMatchObject([{ pid: 8 }, { pid: 10, name: 'node' }])
    expect(log.crashes()).toEqual([{ pid: 7, name: 'httpd', signal: 11 }])
  })

  test('is empty while the log cannot be opened, and reads it from then on', () => {
    const root = temporaryDirectory()
    const log = openKernelLog(`${root.path}/kmsg`)
    onTestFinished(() => log.close())
    expect(log.crashes()).toEqual([])
    root.write('kmsg', crash(7, 'httpd'))
    expect(log.crashes()).toMatchObject([{ pid: 7 }])
  })

  test.runIf(process.platform === 'linux')('closes the file', () => {
    const root = temporaryDirectory()
    root.write('kmsg', crash(7, 'httpd'))
    const path = `${root.path}/kmsg`
    const isOpen = (): boolean =>
      readdirSync('/proc/self/fd').some((descriptor) => {
        try {
          return readlinkSync(`/proc/self/fd/${descriptor}`) === path
        } catch {
          return false
        }
      })
    const log = openKernelLog(path)
    log.crashes()
    expect(isOpen()).toBe(true)
    log.close()
    expect(isOpen()).toBe(false)
  })
})
