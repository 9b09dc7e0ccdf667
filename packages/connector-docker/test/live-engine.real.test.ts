import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAgent } from '@rca/core'
import type { Event } from '@rca/core/connector'
import type { Report } from '@rca/core/protocol'
import { BUSYBOX_IMAGE, findEngine, docker as onEngine, testRun } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { docker } from '../src/index.ts'
import { heapUsed } from './heap.ts'
import { eventually, type LiveAgent, startLiveAgent } from './live-agent.ts'

const engine = await findEngine(testRun())

/** Name prefix of everything that this run creates on the engine. */
const mine = `rca-live-${process.pid}`

realDescribe('docker connector: live engine', engine, () => {
  const { dockerHost } = engine
  const on = (...words: string[]): Promise<string> => onEngine(dockerHost, words)
  let live: LiveAgent

  const eventsOf = (id: string, name: string): Event[] =>
    live.events().filter((event) => event.entity.id === id && event.name === name)

  beforeAll(async () => {
    live = await startLiveAgent({ docker_host: dockerHost, collect_interval: '1s' })
  })
  afterAll(async () => {
    await live?.stop()
    const left = (await on('ps', '--all', '--quiet', '--filter', `name=${mine}`)).split('\n').filter(Boolean)
    if (left.length > 0) await on('rm', '--force', '--volumes', ...left)
  }, 60_000)

  test('counts a restart loop, and reports each crash with the log of its own run', async () => {
    const script = 'cat /proc/sys/kernel/random/uuid; sleep 0.2; echo end; exit 7'
    const words = ['--network', 'none', BUSYBOX_IMAGE, 'sh', '-c', script]
    const id = await on('create', '--name', `${mine}-loop`, ...words)
    // Started by hand: a restart policy waits longer before each restart.
    for (let count = 0; count < 10; count += 1) await on('start', '--attach', id).catch(() => undefined)
    const loop = await eventually('the restart loop', () => eventsOf(id, 'container.restart_loop')[0])
    await on('rm', '--force', id)
    expect(loop.attributes).toMatchObject({ 'container.restart_loop.count': 10, 'container.exit_code': 7 })
    const crashes = eventsOf(id, 'container.crashed')
    expect(crashes).toHaveLength(4)
    // Starts after a counted exit are not reported.
    expect(eventsOf(id, 'container.started')).toHaveLength(5)
    const logs = crashes.map(({ attributes }) => String(attributes['container.log']).trim().split('\n'))
    for (const lines of logs) expect(lines).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), 'end'])
    expect(new Set(logs.map(([first]) => first)).size).toBe(4)
  }, 120_000)

  test('reports a failed start with the reason', async () => {
    const name = `${mine}-unstartable`
    await expect(
      on('run', '-d', '--name', name, '--network', 'none', BUSYBOX_IMAGE, '/no/such/program'),
    ).rejects.toThrow()
    const id = await on('inspect', '--format', '{{.Id}}', name)
    const event = await eventually('the failed start', () => eventsOf(id, 'container.start_failed')[0])
    expect(event).toMatchObject({ severity: 'error', attributes: { 'container.exit_code': 127 } })
    expect(event.body).toMatch(/could not be started: .*\/no\/such\/program/)
    await on('rm', '--force', id)
  })

  test('reports a failed health check with its output and without its secret', async () => {
    const check = ['--health-cmd', 'echo token=canary-of-the-check; exit 1', '--health-interval', '1s']
    const words = [...check, '--health-retries', '1', '--network', 'none', BUSYBOX_IMAGE, 'sleep', '600']
    const id = await on('run', '-d', '--name', `${mine}-sick`, ...words)
    const event = await eventually('the verdict', () => eventsOf(id, 'container.health_changed')[0])
    expect(event).toMatchObject({
      severity: 'warning',
      attributes: { 'container.health': 'unhealthy', 'container.health.output': 'token=[redacted]\n' },
    })
    await eventually('the failing streak', () =>
      metricsOf(live.reports).find(
        ({ name, entity, value }) => name === 'container.health.failing_streak' && entity.id === id && value > 0,
      ),
    )
    await on('rm', '--force', id)
  })

  test('reports images, networks and volumes that are created and removed', async () => {
    await on('network', 'create', mine)
    const id = await on('run', '-d', '--name', `${mine}-member`, '--network', mine, BUSYBOX_IMAGE, 'sleep', '600')
    await on('rm', '--force', id)
    await on('network', 'rm', mine)
    await on('volume', 'create', mine)
    await on('volume', 'rm', mine)
    await on('tag', BUSYBOX_IMAGE, `${mine}:tagged`)
    await on('rmi', `${mine}:tagged`)
    const reported = (): string[] =>
      live
        .events()
        .filter(({ body }) => new RegExp(`^\\w+ ${mine}(?!-)`).test(body))
        .map(({ name, attributes }) => `${name} ${attributes['docker.action'] ?? ''}`.trim())
    await eventually('the last of them', () => reported().includes('docker.image.tagged tag'))
    expect(reported()).toEqual([
      'docker.network.changed create',
      'docker.network.changed connect',
      'docker.network.changed disconnect',
      'docker.network.changed destroy',
      'docker.volume.changed create',
      'docker.volume.changed destroy',
      'docker.image.tagged tag',
    ])
    // For a removed tag, the engine reports only the image.
    const { Id: image } = JSON.parse(await on('inspect', BUSYBOX_IMAGE, '--format', '{{json .}}')) as { Id: string }
    await eventually('the tag being taken away', () =>
      live
        .events()
        .some(
          ({ attributes }) => attributes['docker.action'] === 'untag' && attributes['container.image.id'] === image,
        ),
    )
  })

  test.each(['before', 'after'])(
    'marks the steps of a container that is recreated, with the previous one removed %s its creation',
    async (order) => {
      const name = `${mine}-recreated-${order}`
      const health = ['--health-cmd', 'true', '--health-interval', '1s', '--stop-timeout', '1']
      const compose = ['project=shop', `service=${order}`, 'container-number=1'].flatMap((label) => [
        '--label',
        `com.docker.compose.${label}`,
      ])
      const create = (as: string, ...words: string[]): Promise<string> =>
        on('create', '--name', as, ...health, ...compose, ...words, BUSYBOX_IMAGE, 'sleep', '600')
      const remove = async (id: string): Promise<void> => {
        await on('stop', id)
        await on('rm', id)
      }
      const old = await create(name)
      await on('start', old)
      await eventually('the old container being healthy', () => eventsOf(old, 'container.health_changed')[0])
      if (order === 'before') await remove(old)
      // As Compose does: it removes the old container after it has created the next one under another name.
      const id = await create(order === 'before' ? name : `0a1b_${name}`, '--env', 'MODE=2')
      if (order === 'after') {
        await remove(old)
        await on('rename', id, name)
      }
      await on('start', id)
      await eventually('the new container being healthy', () => eventsOf(id, 'container.health_changed')[0])
      const began = live
        .events()
        .findIndex(({ name, entity }) => entity.id === id || (entity.id === old && name === 'container.killed'))
      const reported = live.events().slice(began)
      const about = reported.filter(({ attributes }) => [old, id].includes(String(attributes['container.id'])))
      const [change] = eventsOf(id, 'container.changed')
      const listed = change?.attributes['change.steps'] ?? []
      const isStep = ({ id = '', attributes }: Event): boolean =>
        (listed as readonly string[]).includes(id) || attributes['step.change_id'] === change?.id
      expect(about.filter((event) => !isStep(event))).toEqual([change])
      const names = about.filter(isStep).map(({ name }) => name)
      const ended = ['container.exited', 'container.removed', 'container.stopped']
      expect(names).toEqual(expect.arrayContaining([...ended, 'container.started', 'container.health_changed']))
      await on('rm', '--force', id)
    },
    60_000,
  )

  test("reads the values of the engine's stats from control groups", async () => {
    const script = 'dd if=/dev/zero of=/file bs=64k count=32 conv=fsync 2>/dev/null; cat /file > /dev/null; sleep 600'
    const id = await on('run', '-d', '--name', `${mine}-idle`, '-m', '64m', BUSYBOX_IMAGE, 'sh', '-c', script)
    await sleep(1_500)
    const config = { docker_host: dockerHost }
    // Packets of the network may arrive between the two readings.
    await vi.waitFor(
      async () => {
        const [groups, stats] = await Promise.all([
          pointsOf(config, id),
          // Without the host's files, usage is requested from the engine.
          pointsOf({ ...config, root_path: '/nowhere' }, id),
        ])
        // For control groups of version 2, the engine omits two values that the files have.
        const more = [...groups.keys()].filter((name) => !stats.has(name))
        expect(more.filter((name) => !/^container\.(?:disk\.operations|memory\.fails)\b/.test(name))).toEqual([])
        expect([...stats.keys()].filter((name) => !groups.has(name))).toEqual([])
        expect([...groups.keys()]).toEqual(expect.arrayContaining(['container.cpu.time', 'container.memory.usage']))
        for (const [name, other] of stats) {
          const value = groups.get(name) ?? Number.NaN
          // The container idles; the two readings differ by at most one clock tick.
          expect(Math.abs(value - other), name).toBeLessThanOrEqual(Math.max(0.02, Math.abs(other) * 0.02))
        }
      },
      { timeout: 60_000, interval: 500 },
    )
    await on('rm', '--force', id)
  })

  test('reports 100 short-lived containers as the engine does, without growing memory', async () => {
    // The shared agent would be measured as well.
    await live.stop()
    const reported: Record<string, number> = {}
    let isFollowing = false
    const counting = await startLiveAgent({ docker_host: dockerHost, collect_interval: '1s' }, ({ data }) => {
      isFollowing ||= data.events.some(({ body }) => body.includes(`${mine}-first-`))
      for (const { name, body } of data.events as Event[])
        if (name.startsWith('container.') && body.includes(`${mine}-short-`)) reported[name] = (reported[name] ?? 0) + 1
    })
    // Events from before the agent follows the engine are not reported.
    let attempts = 0
    await eventually(
      'the agent following the engine',
      async () => {
        attempts += 1
        await on('run', '--rm', '--network', 'none', '--name', `${mine}-first-${attempts}`, BUSYBOX_IMAGE, 'true')
        return isFollowing
      },
      120_000,
    )
    const engineSays = countEvents(dockerHost, `${mine}-short-`)
    const run = async (from: number, to: number): Promise<void> => {
      const numbers = Array.from({ length: to - from }, (_none, index) => from + index).values()
      const work = async (): Promise<void> => {
        for (const number of numbers)
          await on('run', '--rm', '--network', 'none', '--name', `${mine}-short-${number}`, BUSYBOX_IMAGE, 'true')
      }
      await Promise.all([work(), work(), work()])
    }
    try {
      const heaps: number[] = []
      for (let round = 1; round <= 4; round += 1) {
        await run((round - 1) * 25, round * 25)
        await eventually('all events', () => reported['container.removed'] === round * 25, 120_000)
        heaps.push(await smallestHeap())
      }
      await eventually('all events of the engine', () => engineSays.counts().destroy === 100, 120_000)
      const { create, start, die, destroy } = engineSays.counts()
      expect(reported).toEqual({
        'container.created': create,
        'container.started': start,
        'container.exited': die,
        'container.removed': destroy,
      })
      // A leaked connection or answer grows in each round. Containers of others on this engine, reports under way and
      // code compiled late grow in some, and by more than the state that is kept, which a unit test limits.
      const growths = heaps.slice(1).map((heap, index) => (heap - (heaps[index] ?? 0)) / 25)
      expect(Math.min(...growths), `bytes per container and round: ${growths}`).toBeLessThan(50_000)
    } finally {
      engineSays.stop()
      await counting.stop()
    }
    // An emulated machine under load starts ten containers in a minute.
  }, 1_800_000)
})

/** Counts the events that `docker events` prints for containers with this name prefix. */
function countEvents(dockerHost: string, beginning: string): { counts(): Record<string, number>; stop(): void } {
  const format = ['--format', '{{.Action}} {{.Actor.Attributes.name}}']
  // Includes events from before the CLI connected.
  const since = ['--since', (Date.now() / 1000).toFixed(3)]
  const stream = spawn('docker', ['events', '--filter', 'type=container', ...since, ...format], {
    env: { ...process.env, DOCKER_HOST: dockerHost },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let seen = ''
  stream.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text
  })
  return {
    counts: () => {
      const counts: Record<string, number> = {}
      for (const line of seen.split('\n')) {
        const [action = '', name = ''] = line.split(' ')
        if (name.startsWith(beginning)) counts[action] = (counts[action] ?? 0) + 1
      }
      return counts
    },
    stop: () => void stream.kill(),
  }
}

/** Returns the smallest heap size, in bytes, over two seconds of garbage collections. Reports under way need memory. */
async function smallestHeap(): Promise<number> {
  let smallest = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await sleep(400)
    smallest = Math.min(smallest, heapUsed())
  }
  return smallest
}

function metricsOf(reports: readonly Report[]): Report['data']['metrics'] {
  return reports.flatMap(({ data }) => data.metrics)
}

/** Collects once. Returns the values of one container by metric name and attributes. */
async function pointsOf(config: Readonly<Record<string, unknown>>, id: string): Promise<Map<string, number>> {
  const agent = createAgent({ connector: docker, platformUrl: 'http://127.0.0.1:1', agentToken: 'token', config })
  try {
    const { data } = await agent.collectMetrics()
    return new Map(
      data.metrics
        .filter(({ entity, name }) => entity.id === id && name !== 'container.uptime')
        .map(({ name, attributes, value }) => [[name, ...Object.values(attributes).map(String)].join(' '), value]),
    )
  } finally {
    await agent.stop()
  }
}
