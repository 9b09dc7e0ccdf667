import { spawn } from 'node:child_process'
import { Agent, createServer, request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Event } from '@rca/core/connector'
import { BUSYBOX_IMAGE, findEngine, docker as onEngine, testRun } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { afterEach, expect, test } from 'vitest'
import { eventually, startLiveAgent } from '../test/live-agent.ts'

const engine = await findEngine(testRun())

/** Name prefix of everything that this run creates on the engine. */
const mine = `rca-silent-${process.pid}`

/** Time in which an event must arrive on an emulated machine under load, in milliseconds. */
const TIMEOUT_MS = 300_000

/** Events that fill every buffer between the engine and an agent that does not read: the engine's has 1,024. */
const FLOOD = 1_100

realDescribe('docker connector: event streams that are open and silent', engine, () => {
  const { dockerHost } = engine
  const on = (...words: string[]): Promise<string> => onEngine(dockerHost, words)
  const run = (name: string, ...words: string[]): Promise<string> =>
    on('run', '-d', '--name', `${mine}-${name}`, '--network', 'none', ...words)
  const ends: (() => Promise<unknown>)[] = []

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end()
    const left = (await on('ps', '--all', '--quiet', '--filter', `name=${mine}`)).split('\n').filter(Boolean)
    // Podman would wait ten seconds for each to stop.
    for (const id of left) await on('kill', id).catch(() => undefined)
    if (left.length > 0) await on('rm', '--force', ...left)
  })

  /** Starts an agent in a process of its own. */
  function startAgentProcess() {
    const script = join(import.meta.dirname, '../test/agent-process.ts')
    const config = JSON.stringify({ docker_host: dockerHost, collect_interval: '1s' })
    const child = spawn(process.execPath, ['--conditions=@rca/source', script, config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    const events: Event[] = []
    createInterface({ input: child.stdout }).on('line', (line) => void events.push(JSON.parse(line) as Event))
    ends.push(() => {
      child.kill('SIGKILL')
      return ended
    })
    return { events, signal: (name: NodeJS.Signals) => void child.kill(name) }
  }

  /** Renames a container many times. The command line would take a minute. */
  async function rename(id: string, times: number): Promise<void> {
    const agent = new Agent({ keepAlive: true })
    for (let count = 0; count < times; count += 1) {
      const path = `/containers/${id}/rename?name=${mine}-renamed-${count}`
      await new Promise<void>((resolve, reject) => {
        const options = { socketPath: dockerHost.replace('unix://', ''), path, method: 'POST', agent }
        const post = request(options, (answer) => void answer.resume().on('end', resolve).on('error', reject))
        post.on('error', reject).end()
      })
    }
    agent.destroy()
  }

  test(
    'reports a crash that the engine dropped while the agent was stopped, and the time of the loss',
    async () => {
      const agent = startAgentProcess()
      const eventOf = (id: string, name: string): Promise<Event> =>
        eventually(name, () => agent.events.find((event) => event.entity.id === id && event.name === name), TIMEOUT_MS)
      // Events of the container carry its labels.
      const words = ['--label', `long=${'x'.repeat(20_000)}`, BUSYBOX_IMAGE, 'sleep', '3600']
      let number = 0
      const id = await eventually(
        'the agent following the engine',
        async () => {
          number += 1
          const id = await run(`flood-${number}`, ...words)
          return agent.events.some(({ entity }) => entity.id.startsWith(id)) ? id : undefined
        },
        TIMEOUT_MS,
      )
      const crashing = await run(
        'crashing',
        BUSYBOX_IMAGE,
        'sh',
        '-c',
        'sleep 1; while [ ! -e /end ]; do sleep 0.2; done; exit 3',
      )
      await eventOf(crashing, 'container.started')
      agent.signal('SIGSTOP')
      await rename(id, FLOOD)
      await on('exec', crashing, 'touch', '/end')
      expect(await on('wait', crashing)).toBe('3')
      const unseen = await run('unseen', BUSYBOX_IMAGE, 'sh', '-c', 'exit 4')
      expect(await on('wait', unseen)).toBe('4')
      // The engine remembers 256 events: those are read again.
      await rename(id, 300)
      agent.signal('SIGCONT')
      expect((await eventOf(crashing, 'container.crashed')).attributes).toMatchObject({ 'container.exit_code': 3 })
      expect((await eventOf(unseen, 'container.crashed')).attributes).toMatchObject({ 'container.exit_code': 4 })
      const missed = await eventually(
        'the loss',
        () => agent.events.find(({ name }) => name === 'docker.engine.events_missed'),
        TIMEOUT_MS,
      )
      const { 'docker.events.since': since, 'docker.events.until': until } = missed.attributes
      expect(Date.parse(String(since))).toBeLessThan(Date.parse(String(until)))
      for (const id of [crashing, unseen])
        expect(
          agent.events.filter(({ name, entity }) => name === 'container.crashed' && entity.id === id),
        ).toHaveLength(1)
    },
    4 * TIMEOUT_MS,
  )

  test(
    'reports a crash behind a proxy that keeps the event stream open and forwards nothing',
    async () => {
      const socket = join(temporaryDirectory().path, 'proxy.sock')
      const proxy = createServer((asked, answer) => {
        if (asked.url?.includes('/events') === true) return void answer.writeHead(200).flushHeaders()
        const { method, url, headers } = asked
        const options = { socketPath: dockerHost.replace('unix://', ''), method, path: url, headers }
        const forwarded = request(options, (response) => {
          answer.writeHead(response.statusCode ?? 502, response.headers)
          response.pipe(answer)
        })
        forwarded.on('error', () => answer.destroy())
        asked.pipe(forwarded)
      })
      await new Promise<void>((resolve) => proxy.listen(socket, resolve))
      ends.push(async () => proxy.close(() => proxy.closeAllConnections()))
      const live = await startLiveAgent({ docker_host: `unix://${socket}`, collect_interval: '1s' })
      ends.push(() => live.stop())
      const hasReported = (): boolean => live.reports.some(({ data }) => data.entities.length > 0)
      await eventually('the first report', hasReported, TIMEOUT_MS)
      const crashes = (id: string) =>
        live.events().filter(({ name, entity }) => name === 'container.crashed' && entity.id === id)
      const ids: string[] = []
      // The first one may be found when the agent begins to follow the stream, the second one only by a comparison.
      for (const name of ['first', 'second']) {
        const id = await run(name, BUSYBOX_IMAGE, 'sh', '-c', 'echo lost; sleep 1; exit 3')
        const crash = await eventually('the crash', () => crashes(id)[0], TIMEOUT_MS)
        expect(crash.attributes).toMatchObject({ 'container.exit_code': 3, 'container.log': 'lost\n' })
        ids.push(id)
      }
      await eventually(
        'the loss',
        () => live.events().some(({ name }) => name === 'docker.engine.events_missed'),
        TIMEOUT_MS,
      )
      for (const id of ids) expect(crashes(id)).toHaveLength(1)
      // The watcher may recover before the next report.
      await eventually(
        'the gap of the silent stream',
        () => live.reports.some(({ data }) => data.gaps.some(({ scope }) => scope === 'watcher:engine-events')),
        TIMEOUT_MS,
      )
    },
    4 * TIMEOUT_MS,
  )
})
