import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseOutOfMemoryVictims } from './kernel-log.ts'

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
