import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { serviceProcesses } from './service-processes.ts'

interface FakeProcess {
  readonly pid: number
  readonly name: string
  readonly parent?: number
  readonly terminal?: number
  readonly startedAt?: number
  readonly cgroup?: string
}

const http: FakeProcess = { pid: 800, name: 'httpd' }

function statOf({ pid, name, parent = 1, terminal = 0, startedAt = 1_000 }: FakeProcess): string {
  const fields = ['S', parent, pid, pid, terminal, -1, ...Array.from({ length: 12 }, () => 0), 20, startedAt, 0, 0]
  return `${pid} (${name}) ${fields.slice(0, 6).join(' ')} ${Array.from({ length: 13 }, () => 0).join(' ')} ${startedAt} 0 0\n`
}

/** Runs the watcher over the processes at each look. The log of the kernel is `log` from the second look on. */
async function watch(looks: FakeProcess[][], log = '') {
  const root = fixtureRoot()
  let shown: FakeProcess[] = []
  for (const pid of [2, 5611, 5612, 5613, 5655]) root.remove(`proc/${pid}`)
  const show = (processes: FakeProcess[]): void => {
    for (const { pid } of shown) root.remove(`proc/${pid}`)
    shown = processes
    for (const process of processes) {
      root.write(`proc/${process.pid}/stat`, statOf(process))
      root.write(`proc/${process.pid}/cgroup`, process.cgroup ?? '0::/user.slice\n')
    }
  }
  const [first = [], ...others] = looks
  show(first)
  const change = (processes: FakeProcess[]) => () => {
    root.write('dev/kmsg', log)
    show(processes)
  }
  const context = watchContext({ steps: [...others.map(change), idle] })
  await runWatcher(serviceProcesses, openFixture(root), context)
  return context.events()
}

const summaries = (events: Awaited<ReturnType<typeof watch>>) =>
  events.map(({ name, severity, body }) => `${severity} ${name}: ${body.replace(/ after \d+ s/, '')}`)

describe('serviceProcesses', () => {
  test('reports a process that ends, and one with its name that starts', async () => {
    const events = await watch([[http], [http], [http], [], [{ ...http, pid: 900, startedAt: 140_000 }]])
    expect(summaries(events)).toEqual([
      'warning process.ended: httpd (pid 800) has ended',
      'info process.restarted: httpd was started again as pid 900, after pid 800 had ended',
    ])
    expect(events[1]).toMatchObject({
      at: '2026-11-22T09:00:40.000Z',
      attributes: { 'server.process.previous_pid': 800, 'server.process.downtime': 10 },
    })
  })

  test('reports a process that was replaced between two looks', async () => {
    const next = { ...http, pid: 900, startedAt: 140_000 }
    expect(summaries(await watch([[http], [http], [http], [next]]))).toEqual([
      'warning process.ended: httpd (pid 800) has ended',
      'info process.restarted: httpd was started again as pid 900, after pid 800 had ended',
    ])
  })

  test('names the signal of a fault that the kernel logged', async () => {
    const log = '6,1,900000000,-;httpd[800]: segfault at 0 ip 0000000000401136 sp 00007ffd error 4 in httpd\n'
    expect(await watch([[http], [http], [http], []], log)).toMatchObject([
      { name: 'process.crashed', severity: 'error', attributes: { 'server.process.exit_signal': 11 } },
    ])
    const other = log.replace('httpd[800]', 'cron[800]')
    expect(await watch([[http], [http], [http], []], other)).toMatchObject([{ name: 'process.ended' }])
  })

  test.each<[string, FakeProcess[]]>([
    ['that was started a moment ago', []],
    ['with a terminal', [{ ...http, terminal: 34_816 }]],
    ['of the kernel', [{ ...http, parent: 2 }]],
    ['in a container', [{ ...http, cgroup: '0::/system.slice/docker-0123456789abcdef.scope\n' }]],
    [
      'that is a worker',
      [
        { ...http, pid: 700 },
        { ...http, parent: 700 },
      ],
    ],
  ])('does not report a process %s', async (_what, processes) => {
    const rest = processes.filter(({ pid }) => pid !== 800)
    const looks = processes.length === 0 ? [[http], [http], []] : [processes, processes, processes, rest]
    expect(await watch(looks)).toEqual([])
  })

  test('reports the end of a process of a unit as information', async () => {
    const ofUnit = { ...http, cgroup: '0::/system.slice/httpd.service\n' }
    expect(await watch([[ofUnit], [ofUnit], [ofUnit], []])).toMatchObject([{ severity: 'info' }])
  })

  test('reports many ends in 21 events', async () => {
    const many = Array.from({ length: 30 }, (_, index) => ({ pid: 1_000 + index, name: `worker-${index}` }))
    const events = await watch([many, many, many, []])
    expect(events).toHaveLength(21)
    expect(events.at(-1)?.attributes['server.process.count']).toBe(10)
  })

  test('lists the processes again when one has come or ended', async () => {
    const root = fixtureRoot()
    const add = ({ pid, ...rest }: FakeProcess): void => {
      root.write(`proc/${pid}/stat`, statOf({ pid, ...rest }))
      root.write(`proc/${pid}/cgroup`, '0::/user.slice\n')
    }
    add(http)
    const client = openFixture(root)
    const look = async (): Promise<readonly number[] | undefined> =>
      (await client.serviceProcesses())?.flatMap(({ name, pid }) => (name === 'httpd' ? [pid] : []))
    for (let count = 0; count < 3; count += 1) expect(await look()).toEqual([800])
    expect(await client.serviceProcesses()).toBe(await client.serviceProcesses())
    add({ ...http, pid: 900 })
    expect(await look()).toEqual([800, 900])
    root.remove('proc/800')
    expect(await look()).toEqual([900])
  })
})
