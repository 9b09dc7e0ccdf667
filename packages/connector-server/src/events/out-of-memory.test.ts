import { describe, expect, test } from 'vitest'
import { events, nothing, watchContext, watchToEnd } from '../../test/contexts.ts'
import { bootId, fixture, fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { outOfMemory } from './out-of-memory.ts'

describe('out of memory', () => {
  test('names the victim that the kernel’s log names, once', async () => {
    const root = fixtureRoot()
    root.change('proc/vmstat', (text) => text.replace(/^oom_kill \d+$/m, 'oom_kill 0'))
    root.write('proc/uptime', '2213.752075 1.00\n')
    const client = openFixture(root)
    const kill = (): void => root.change('proc/vmstat', (text) => text.replace('oom_kill 0', 'oom_kill 1'))
    const context = watchContext([kill, nothing])
    await watchToEnd(outOfMemory.watch(client, context), context)
    expect(events(context.emitted)).toEqual([
      {
        id: `host.oom_kill/${bootId}/1`,
        name: 'host.oom_kill',
        at: expect.stringMatching(/^2026-11-22T09:00:06\.\d+Z$/),
        severity: 'critical',
        entity: client.machine.entity,
        body: 'The kernel killed python3 (pid 5539) for want of memory in its control group',
        attributes: {
          'server.oom_kill.count': 1,
          'server.oom_kill.scope': 'cgroup',
          'server.oom_kill.resident': (20224 + 6492) * 1024,
          'process.pid': 5539,
          'process.executable.name': 'python3',
        },
      },
    ])
    expect(context.cursors.map((cursor) => JSON.parse(cursor))).toEqual([
      { bootId, kills: 0 },
      { bootId, kills: 1 },
    ])
  })

  test('tells what happened while the agent was away, and counts where the log says nothing', async () => {
    const root = fixtureRoot()
    root.remove('dev/kmsg')
    root.change('proc/vmstat', (text) => text.replace(/^oom_kill \d+$/m, 'oom_kill 5'))
    const context = watchContext([nothing], JSON.stringify({ bootId, kills: 2 }))
    await watchToEnd(outOfMemory.watch(openFixture(root), context), context)
    expect(events(context.emitted)).toMatchObject([
      {
        id: `host.oom_kill/${bootId}/5`,
        body: 'The kernel killed 3 processes for want of memory',
        attributes: { 'server.oom_kill.count': 3 },
      },
    ])
  })

  test('kills before a reboot are not counted again', async () => {
    const context = watchContext([nothing], JSON.stringify({ bootId: 'before', kills: 0 }))
    await watchToEnd(outOfMemory.watch(openFixture(fixtureRoot()), context), context)
    expect(context.emitted).toEqual([])
  })

  test('ends where the kernel does not count', async () => {
    const root = fixtureRoot()
    root.write('proc/vmstat', 'pgfault 1\n')
    await outOfMemory.watch(openFixture(root), watchContext([]))
  })
})

test('the captured log is the one that the captured counter counts', () => {
  expect(/^oom_kill (\d+)$/m.exec(fixture('linux-vm/proc/vmstat'))?.[1]).toBe('1')
})
