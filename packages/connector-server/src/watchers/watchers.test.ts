import type { Event, Signals } from '@rca/core'
import { describe, expect, test } from 'vitest'
import { watchContext, watchToEnd } from '../../test/contexts.ts'
import { fixture, fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import type { FailedUnit, ServerClient } from '../server-client.ts'
import { clock } from './clock.ts'
import { failedUnits } from './failed-units.ts'
import { outOfMemory } from './out-of-memory.ts'
import { readOnlyFilesystems } from './read-only-filesystems.ts'
import { reboot } from './reboot.ts'

const bootId = '5b1c1a1e-8a5f-4f2e-9d0c-3c8f6f1f2a77'

function events(emitted: readonly Signals[]): Event[] {
  return emitted.flatMap((signals) => signals.events ?? []).filter((event) => event !== undefined)
}

function nothing(): void {}

describe('reboot', () => {
  const client = (id: string | undefined, startedAt: string): ServerClient => ({
    ...openFixture(fixtureRoot()),
    boot: async () => ({ id, startedAt: new Date(startedAt) }),
  })
  const watch = async (opened: ServerClient, cursor?: string) => {
    const context = watchContext([nothing], cursor)
    await watchToEnd(reboot.watch(opened, context), context)
    return context
  }

  test('another boot id is a reboot: when, and when it was last seen before', async () => {
    const cursor = JSON.stringify({ bootId: 'before', seenAt: '2026-11-22T08:00:00.000Z' })
    const { emitted } = await watch(client(bootId, '2026-11-22T08:50:00.000Z'), cursor)
    expect(events(emitted)).toMatchObject([
      {
        id: `host.rebooted/${bootId}`,
        name: 'host.rebooted',
        at: '2026-11-22T08:50:00.000Z',
        body: 'web-1 was started anew; it was last seen running at 2026-11-22T08:00:00.000Z',
        attributes: {
          'server.boot.id': bootId,
          'server.boot.previous_id': 'before',
          'server.boot.last_seen': '2026-11-22T08:00:00.000Z',
        },
      },
    ])
  })

  test.each([
    ['for the first time', undefined],
    ['again', JSON.stringify({ bootId, seenAt: '2026-11-22T08:00:00.000Z' })],
    ['after its state was spoilt', '{"bootId":'],
  ])('seen %s it is none, and is saved every minute', async (_name, cursor) => {
    const { emitted, cursors, slept } = await watch(openFixture(fixtureRoot()), cursor)
    expect(emitted).toEqual([])
    expect(slept).toEqual(['1m', '1m'])
    expect(cursors.map((saved) => JSON.parse(saved))).toEqual([
      { bootId, seenAt: '2026-11-22T09:00:00.000Z' },
      { bootId, seenAt: '2026-11-22T09:01:00.000Z' },
    ])
  })

  test('without ids, a machine that started after it was seen has been rebooted', async () => {
    const cursor = JSON.stringify({ seenAt: '2026-11-22T08:00:00.000Z' })
    const rebooted = await watch(client(undefined, '2026-11-22T08:00:01.000Z'), cursor)
    expect(events(rebooted.emitted)).toMatchObject([{ name: 'host.rebooted' }])
    expect(events(rebooted.emitted)[0]).not.toHaveProperty('id')
    const same = await watch(client(undefined, '2026-11-21T08:00:00.000Z'), cursor)
    expect(same.emitted).toEqual([])
  })
})

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

describe('clock', () => {
  const watch = async (step: (clock: { now: Date }, uptime: { seconds: number }) => void) => {
    const uptime = { seconds: 1000 }
    const client: ServerClient = { ...openFixture(fixtureRoot()), uptime: async () => uptime.seconds }
    const context = watchContext([
      (now) => {
        uptime.seconds += 10
        step(now, uptime)
      },
      () => {
        uptime.seconds += 10
      },
    ])
    await watchToEnd(clock.watch(client, context), context)
    return events(context.emitted)
  }

  test.each([
    [90_000, 90, 'The clock of web-1 was set forward by 90 s'],
    [-1500, -1.5, 'The clock of web-1 was set back by 1.5 s'],
  ])('a step of %d ms', async (milliseconds, seconds, body) => {
    const stepped = await watch((now) => {
      now.now = new Date(now.now.getTime() + milliseconds)
    })
    expect(stepped).toMatchObject([{ name: 'host.clock_stepped', body, attributes: { 'server.clock.step': seconds } }])
  })

  test('neither a small one nor a suspended machine is a step', async () => {
    expect(
      await watch((now) => {
        now.now = new Date(now.now.getTime() + 900)
      }),
    ).toEqual([])
    const suspended = await watch((now, uptime) => {
      now.now = new Date(now.now.getTime() + 3_600_000)
      uptime.seconds += 3600
    })
    expect(suspended).toEqual([])
  })

  test('a look that was interrupted says nothing', async () => {
    const context = watchContext([nothing, nothing])
    let looks = 0
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      uptime: async () => {
        looks += 1
        return looks * 10
      },
    }
    const interrupted = { ...context, now: () => (looks === 2 ? new Date(0) : context.now()) }
    await watchToEnd(clock.watch(client, interrupted), context)
    expect(context.emitted).toEqual([])
  })
})

describe('read-only filesystems', () => {
  const readOnly = (root: ReturnType<typeof fixtureRoot>) => (): void =>
    root.change('proc/1/mountinfo', (text) => text.replace('/dev/vda rw,discard', '/dev/vda ro,discard'))
  const writable = (root: ReturnType<typeof fixtureRoot>) => (): void =>
    root.change('proc/1/mountinfo', (text) => text.replace('/dev/vda ro,discard', '/dev/vda rw,discard'))

  test('that turn so, and back; not those that were mounted so', async () => {
    const root = fixtureRoot()
    const context = watchContext([readOnly(root), nothing, writable(root)])
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), context), context)
    const attributes = {
      'system.filesystem.mountpoint': '/',
      'system.filesystem.type': 'ext4',
      'system.device': '/dev/vda',
    }
    expect(events(context.emitted)).toEqual([
      {
        name: 'filesystem.read_only',
        severity: 'critical',
        at: '2026-11-22T09:00:15.000Z',
        entity: { type: 'filesystem', id: '/' },
        body: '/ (/dev/vda) has become read-only',
        attributes,
      },
      {
        name: 'filesystem.writable',
        severity: 'info',
        at: '2026-11-22T09:00:45.000Z',
        entity: { type: 'filesystem', id: '/' },
        body: '/ (/dev/vda) is writable again',
        attributes,
      },
    ])
    expect(context.cursors).toHaveLength(3)
  })

  test('across a restart of the agent, and once', async () => {
    const root = fixtureRoot()
    const before = watchContext([])
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), before), before)
    readOnly(root)()
    const after = watchContext([], before.cursors.at(-1))
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), after), after)
    expect(events(after.emitted)).toMatchObject([{ name: 'filesystem.read_only' }])
    const later = watchContext([], after.cursors.at(-1))
    await watchToEnd(readOnlyFilesystems.watch(openFixture(root), later), later)
    expect(later.emitted).toEqual([])
    expect(later.cursors).toEqual([])
  })
})

describe('failed units', () => {
  const unit = (name: string, change: Partial<FailedUnit> = {}): FailedUnit => ({
    name,
    description: undefined,
    result: 'exit-code',
    exitCode: 3,
    killedBy: undefined,
    failedAt: new Date('2026-11-22T08:59:59.000Z'),
    invocationId: `${name}#1`,
    ...change,
  })

  test('that fail, fail again and recover', async () => {
    let units = [unit('a.service')]
    const client: ServerClient = { ...openFixture(fixtureRoot()), failedUnits: async () => units }
    const set = (next: FailedUnit[]) => (): void => {
      units = next
    }
    const killed = unit('b.mount', {
      exitCode: undefined,
      killedBy: 9,
      result: 'oom-kill',
      invocationId: undefined,
      failedAt: undefined,
    })
    const context = watchContext([
      set([unit('a.service', { invocationId: 'a.service#2', exitCode: 0, result: 'timeout' }), killed]),
      nothing,
      set([]),
    ])
    await watchToEnd(failedUnits.watch(client, context), context)
    expect(
      events(context.emitted).map(({ id, name, at, body, entity }) => ({ id, name, at, body, entity: entity.id })),
    ).toEqual([
      {
        id: 'systemd.unit.failed/a.service/a.service#1',
        name: 'systemd.unit.failed',
        at: '2026-11-22T08:59:59.000Z',
        body: 'a.service has failed: its main process exited with 3',
        entity: 'a.service',
      },
      {
        id: 'systemd.unit.failed/a.service/a.service#2',
        name: 'systemd.unit.failed',
        at: '2026-11-22T08:59:59.000Z',
        body: 'a.service has failed: timeout',
        entity: 'a.service',
      },
      {
        id: undefined,
        name: 'systemd.unit.failed',
        at: '2026-11-22T09:00:30.000Z',
        body: 'b.mount has failed: its main process was ended by signal 9 (oom-kill)',
        entity: 'b.mount',
      },
      {
        id: 'systemd.unit.recovered/a.service/a.service#2',
        name: 'systemd.unit.recovered',
        at: '2026-11-22T09:01:30.000Z',
        body: 'a.service is no longer failed',
        entity: 'a.service',
      },
      {
        id: undefined,
        name: 'systemd.unit.recovered',
        at: '2026-11-22T09:01:30.000Z',
        body: 'b.mount is no longer failed',
        entity: 'b.mount',
      },
    ])
  })

  test('that were known before a restart are not told again; what systemctl says is read', async () => {
    const client: ServerClient = {
      ...openFixture(fixtureRoot()),
      failedUnits: async () => [unit('a.service'), unit('b.service')],
    }
    const context = watchContext([nothing], JSON.stringify({ 'a.service': 'a.service#1' }))
    await watchToEnd(failedUnits.watch(client, context), context)
    expect(events(context.emitted).map(({ entity }) => entity.id)).toEqual(['b.service'])
    expect(context.cursors).toHaveLength(1)
  })

  test('end where no systemd runs', async () => {
    await failedUnits.watch(openFixture(fixtureRoot()), watchContext([]))
  })
})

test('the captured log is the one that the captured counter counts', () => {
  expect(/^oom_kill (\d+)$/m.exec(fixture('linux-vm/proc/vmstat'))?.[1]).toBe('1')
})
