import type { Event } from '@rca/core/connector'
import { BUSYBOX_IMAGE, findEngine, docker as onEngine, testRun } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, type LiveAgent, startLiveAgent } from '../test/live-agent.ts'

const engine = await findEngine(testRun())

/** Name prefix of everything that this run creates on the engine. */
const mine = `rca-faults-${process.pid}`

/** Time in which an event must arrive on an emulated machine under load, in milliseconds. */
const TIMEOUT_MS = 300_000

realDescribe('docker connector: faults on this engine', engine, () => {
  const on = (...words: string[]): Promise<string> => onEngine(engine.dockerHost, words)
  let isPodman: boolean
  let live: LiveAgent

  const run = (name: string, ...words: string[]): Promise<string> =>
    on('run', '-d', '--name', `${mine}-${name}`, ...words)
  const eventsOf = (id: string): Event[] => live.events().filter((event) => event.entity.id === id)
  const eventOf = (id: string, name: string): Promise<Event> =>
    eventually(name, () => eventsOf(id).find((event) => event.name === name), TIMEOUT_MS)
  const namesOf = (id: string): string[] => eventsOf(id).map(({ name }) => name)

  beforeAll(async () => {
    isPodman = (await on('version', '--format', '{{json .Server}}')).includes('Podman')
    live = await startLiveAgent({ docker_host: engine.dockerHost, collect_interval: '1s' })
  })
  afterAll(async () => {
    await live?.stop()
    const left = (await on('ps', '--all', '--quiet', '--filter', `name=${mine}`)).split('\n').filter(Boolean)
    // Podman removes no container whose network another one uses: such a one is removed in the second pass.
    for (const id of [...left, ...left]) await on('rm', '--force', '--volumes', id).catch(() => undefined)
    await on('rmi', '--force', `${mine}:latest`).catch(() => undefined)
  })

  test('reports three containers that exceed their memory limit as out of memory', async () => {
    for (const number of [1, 2, 3]) {
      const id = await run(`oom-${number}`, '-m', '24m', '--network', 'none', BUSYBOX_IMAGE, 'tail', '/dev/zero')
      const crash = await eventOf(id, 'container.crashed')
      expect(crash).toMatchObject({ severity: 'critical', attributes: { 'container.oom_killed': true } })
      expect(namesOf(id).filter((name) => name === 'container.crashed')).toHaveLength(1)
    }
  })

  test('reports no request when the restart policy restarts a container that fails', async () => {
    const id = await run('policy', '--restart', 'always', '--network', 'none', BUSYBOX_IMAGE, 'sh', '-c', 'exit 5')
    expect(await eventOf(id, 'container.restart_loop')).toMatchObject({ attributes: { 'container.exit_code': 5 } })
    await on('rm', '--force', id)
    expect(namesOf(id)).not.toContain('container.restarted')
    expect(namesOf(id).filter((name) => name === 'container.crashed')).toHaveLength(4)
  })

  test('reports a failed start in the network of a removed container, with the reason', async () => {
    const vpn = await run('vpn', '--network', 'none', BUSYBOX_IMAGE, 'sleep', '3600')
    const id = await run('client', '--network', `container:${vpn}`, BUSYBOX_IMAGE, 'sleep', '3600')
    await on('kill', id)
    await eventOf(id, 'container.exited')
    // Podman removes no container whose network another one uses.
    if (isPodman) return
    await on('rm', '--force', vpn)
    await expect(on('start', id)).rejects.toThrow()
    const failure = await eventOf(id, 'container.start_failed')
    expect(failure).toMatchObject({
      severity: 'error',
      attributes: { 'container.error': expect.stringContaining(vpn) },
    })
  })

  test('reports the crash of a container that is removed with its log', async () => {
    const script = 'echo "cannot find the table"; sleep 2; exit 3'
    const id = await run('removed', '--rm', '--network', 'none', BUSYBOX_IMAGE, 'sh', '-c', script)
    const { attributes } = await eventOf(id, 'container.crashed')
    expect(attributes).toMatchObject({ 'container.exit_code': 3, 'container.log': 'cannot find the table\n' })
  })

  test('reports a container whose tag was moved to another image', async () => {
    // Podman has no event for it.
    if (isPodman) return
    const tag = `${mine}:latest`
    await on('tag', BUSYBOX_IMAGE, tag)
    const id = await run('drift', '--network', 'none', tag, 'sleep', '3600')
    await eventOf(id, 'container.started')
    const next = await on('create', '--network', 'none', BUSYBOX_IMAGE, 'true')
    await on('commit', '--change', 'LABEL version=2', next, tag)
    await on('rm', next)
    expect((await eventOf(id, 'container.image_outdated')).body).toContain(tag)
  })
})
