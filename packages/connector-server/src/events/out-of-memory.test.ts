import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { bootId, fixture, fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { outOfMemory } from './out-of-memory.ts'

describe('outOfMemory', () => {
  test('reports the victim that the kernel’s log names, once', async () => {
    const root = fixtureRoot()
    root.change('proc/vmstat', (text) => text.replace(/^oom_kill \d+$/m, 'oom_kill 0'))
    root.write('proc/uptime', '2213.752075 1.00\n')
    const client = openFixture(root)
    const kill = (): void => root.change('proc/vmstat', (text) => text.replace('oom_kill 0', 'oom_kill 1'))
    const context = watchContext({ steps: [kill, idle] })
    await runWatcher(outOfMemory, client, context)
    expect(context.events()).toEqual([
      {
        id: `host.oom_kill/${bootId}/1`,
        name: 'host.oom_kill',
        at: expect.stringMatching(/^2026-11-22T09:00:06\.\d+Z$/),
        severity: 'critical',
        entity: client.machine.entity,
        body: 'The kernel killed python3 (pid 5539) because memory ran out in its control group',
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

  test('reports kills during a restart of the agent, and only their number if the log does not name the victims', async () => {
    const root = fixtureRoot()
    root.remove('dev/kmsg')
    root.change('proc/vmstat', (text) => text.replace(/^oom_kill \d+$/m, 'oom_kill 5'))
    const context = watchContext({ steps: [idle], cursor: JSON.stringify({ bootId, kills: 2 }) })
    await runWatcher(outOfMemory, openFixture(root), context)
    expect(context.events()).toMatchObject([
      {
        id: `host.oom_kill/${bootId}/5`,
        body: 'The kernel killed 3 processes because memory ran out',
        attributes: { 'server.oom_kill.count': 3 },
      },
    ])
  })

  test('does not report kills before a reboot again', async () => {
    const context = watchContext({ steps: [idle], cursor: JSON.stringify({ bootId: 'previous boot', kills: 0 }) })
    await runWatcher(outOfMemory, openFixture(fixtureRoot()), context)
    expect(context.emitted).toEqual([])
  })

  test('ends where the kernel has no counter', async () => {
    const root = fixtureRoot()
    root.write('proc/vmstat', 'pgfault 1\n')
    const context = watchContext()
    await runWatcher(outOfMemory, openFixture(root), context)
    expect(context.signal.aborted).toBe(false)
  })
})

test('the captured log and the captured counter agree', () => {
  expect(/^oom_kill (\d+)$/m.exec(fixture('linux-vm/proc/vmstat'))?.[1]).toBe('1')
})
