import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseProcStat } from './proc-stat.ts'

describe('parseProcStat', () => {
  test('converts ticks to seconds, and merges hard and soft interrupts', () => {
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
    expect(stat).toMatchObject({ processesCreated: 5906 })
  })

  test('reads a captured machine', () => {
    const { total, cores } = parseProcStat(fixture('linux-vm/proc/stat'), 100)
    expect([...cores.keys()]).toEqual([0, 1])
    expect(cores.get(0)!.user! + cores.get(1)!.user!).toBeCloseTo(total.user!, 1)
  })

  test('rejects a text without the line `cpu`', () => {
    expect(() => parseProcStat('', 100)).toThrow('`proc/stat` has no line `cpu`')
  })

  test('leaves out a mode whose time is negative', () => {
    const text = 'cpu  100 0 50 800 0 0 0 18446744073709551600 0 0\n'
    const { total } = parseProcStat(text, 100)
    expect(total).toMatchObject({ user: 1, idle: 8, steal: undefined })
  })
})
