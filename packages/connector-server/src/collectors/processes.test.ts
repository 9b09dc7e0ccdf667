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
        processes: [{ pid: 1, name: 'a', startedAt: 'x', state: undefined, cpuShare: 0.5, residentBytes: 1 }],
      }),
    }
    expect(pointsOf(await processes.collect(client, collectContext()))).toMatchObject({
      'process.cpu.utilization{pid=1,name=a}': 0.5,
    })
  })
})
