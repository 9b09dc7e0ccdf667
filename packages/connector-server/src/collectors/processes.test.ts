import { collectContext, pointsOf } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { ServerClient } from '../client/server-client.ts'
import { processes } from './processes.ts'

describe('processes', () => {
  test('reports states and the largest processes of a captured machine', async () => {
    const collected = pointsOf(await processes.collect(openFixture(fixtureRoot()), collectContext()))
    expect(collected).toEqual({
      'system.process.count{state=running}': 0,
      'system.process.count{state=sleeping}': 3,
      'system.process.count{state=blocked}': 0,
      'system.process.count{state=stopped}': 1,
      'system.process.count{state=defunct}': 1,
      'system.process.count{state=unknown}': 0,
      'process.memory.usage{pid=5613,name=python3}': 3358 * 4096,
      'process.memory.usage{pid=5611,name=a) R (b}': 413 * 4096,
    })
  })

  test('reports the busiest processes, as shares of all processors since the last collection', async () => {
    const client = openFixture(fixtureRoot())
    const state = 'running' as const
    const process = (pid: number, cpuTime: number, startedAt = 1) => ({
      pid,
      name: `p${pid}`,
      startedAt,
      state,
      cpuTime,
      residentBytes: 0,
    })
    const at = (takenAt: number, list: ReturnType<typeof process>[]): ServerClient => ({
      ...client,
      processes: async () => ({ takenAt, logicalCpus: 2, processes: list }),
    })
    const context = collectContext()
    await processes.collect(at(0, [process(1, 100), process(2, 50), process(3, 70), process(4, 9)]), context)
    const later = at(10_000, [process(1, 105), process(2, 50), process(3, 2, 2), process(4, 10), process(5, 1)])
    const collected = pointsOf(await processes.collect(later, context))
    // 2 was idle; 3 is another process with the same pid; 4 and 5 are behind the two busiest.
    expect(Object.entries(collected).filter(([name]) => name.startsWith('process.cpu'))).toEqual([
      ['process.cpu.utilization{pid=1,name=p1}', 0.25],
      ['process.cpu.utilization{pid=3,name=p3}', 0.1],
    ])
  })

  test('passes on shares that the system computes', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      processes: async () => ({
        takenAt: 0,
        logicalCpus: 2,
        processes: [{ pid: 1, name: 'a', startedAt: 'x', state: 'unknown', cpuShare: 0.5, residentBytes: 1 }],
      }),
    }
    expect(pointsOf(await processes.collect(client, collectContext()))).toMatchObject({
      'process.cpu.utilization{pid=1,name=a}': 0.5,
    })
  })

  test('counts every process in one state, also in those of some kernels and in unknown ones', async () => {
    const root = fixtureRoot()
    const states = ['P', 'K', 'W', 'x', 'I', 'Q']
    for (const [index, state] of states.entries())
      root.write(`proc/${100 + index}/stat`, `${100 + index} (cpuhp/${index}) ${state} 2 ${'0 '.repeat(22)}\n`)
    const collected = pointsOf(await processes.collect(openFixture(root), collectContext()))
    const counts = Object.entries(collected).filter(([name]) => name.startsWith('system.process.count'))
    expect(Object.fromEntries(counts)).toEqual({
      'system.process.count{state=running}': 1,
      'system.process.count{state=sleeping}': 5,
      'system.process.count{state=blocked}': 1,
      'system.process.count{state=stopped}': 1,
      'system.process.count{state=defunct}': 2,
      'system.process.count{state=unknown}': 1,
    })
  })

  test.each([
    [2, 8, 40, 0.5],
    [8, 2, 16, 0.2],
    [2, 2, 100, 1],
  ])('relates CPU time to the processors, also when %i become %i', async (before, after, used, expected) => {
    const root = fixtureRoot()
    const cores = (count: number): string =>
      `cpu  1 0 0 1\n${Array.from({ length: count }, (_, index) => `cpu${index} 1 0 0 1\n`).join('')}`
    const stat = (ticks: number): string => `100 (stress) R 1 ${'0 '.repeat(9)}${ticks} ${'0 '.repeat(12)}\n`
    root.write('proc/stat', cores(before))
    root.write('proc/100/stat', stat(0))
    const client = openFixture(root)
    const at = (takenAt: number): ServerClient => ({
      ...client,
      processes: async () => ({ ...(await client.processes()), takenAt }),
    })
    const context = collectContext()
    await processes.collect(at(0), context)
    root.write('proc/stat', cores(after))
    root.write('proc/100/stat', stat(used * 100))
    const collected = pointsOf(await processes.collect(at(10_000), context))
    expect(collected['process.cpu.utilization{pid=100,name=stress}']).toBeCloseTo(expected)
  })

  test('reports a gap in place of the counts where processes are hidden', async () => {
    const client = openFixture(fixtureRoot())
    const hidden: ServerClient = {
      ...client,
      processes: async () => ({ ...(await client.processes()), problem: '`/proc` hides processes' }),
    }
    const { gaps, ...signals } = await processes.collect(hidden, collectContext())
    expect(gaps).toEqual([{ scope: 'processes', reason: '`/proc` hides processes' }])
    expect(Object.keys(pointsOf(signals))).toEqual([
      'process.memory.usage{pid=5613,name=python3}',
      'process.memory.usage{pid=5611,name=a) R (b}',
    ])
  })
})
