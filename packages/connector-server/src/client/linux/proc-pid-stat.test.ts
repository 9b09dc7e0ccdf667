import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseProcessStat } from './proc-pid-stat.ts'

describe('parseProcessStat', () => {
  const units = { ticksPerSecond: 100, pageBytes: 4096 }
  const parse = (text: string) => parseProcessStat(7, Buffer.from(`${text}………`), Buffer.byteLength(text), units)

  test.each([
    ['5611', { name: 'a) R (b', state: 'sleeping', startedAt: 222771, cpuTime: 0, residentBytes: 413 * 4096 }],
    ['5612', { name: 'bash', state: 'stopped', cpuTime: 0, residentBytes: 234 * 4096 }],
    ['5613', { name: 'python3', state: 'sleeping', cpuTime: 0.05, residentBytes: 3358 * 4096 }],
    ['5655', { name: 'python3', state: 'defunct', residentBytes: 0 }],
    ['2', { name: 'kthreadd', state: 'sleeping', residentBytes: 0 }],
  ])('reads process %s of the captured machine', (pid, expected) => {
    expect(parse(fixture(`linux-vm/proc/${pid}/stat`))).toMatchObject({ pid: 7, ...expected })
  })

  test.each(['', '5 (x', '5 (x) R 1 2 3'])('returns undefined for the incomplete line "%s"', (text) => {
    expect(parse(text)).toBeUndefined()
  })
})
