import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Event } from '@rca/core/connector'
import {
  BUSYBOX_IMAGE,
  docker,
  importBusybox,
  missingForPrivateEngine,
  type PrivateEngine,
  removePrivateEngine,
  START_TIMEOUT_MS,
  startPrivateEngine,
} from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, type LiveAgent, startLiveAgent } from '../test/live-agent.ts'

/** Podman has neither a daemon that ends its containers nor a swarm. */
const isPodman = process.env.RCA_RIG_ENGINE?.startsWith('podman') === true
const absence = isPodman
  ? { missing: 'Podman has no daemon and no swarm', isUnattainable: true }
  : await missingForPrivateEngine()

realDescribe('docker connector: an engine of its own', absence, () => {
  const folder = mkdtempSync('/tmp/rca-own-')
  let engine: PrivateEngine
  let live: LiveAgent

  const on = (...words: string[]): Promise<string> => docker(engine.dockerHost, words)
  const startAgent = (): Promise<LiveAgent> =>
    startLiveAgent({ docker_host: engine.dockerHost, collect_interval: '1s' }, undefined, join(folder, 'state'))
  const eventOf = (name: string, container: string): Promise<Event> =>
    eventually(
      `${name} of ${container}`,
      () =>
        live
          .events()
          .find((event) => event.name === name && String(event.attributes['container.name']).startsWith(container)),
      START_TIMEOUT_MS,
    )

  beforeAll(async () => {
    engine = await startPrivateEngine({ folder })
    await importBusybox(engine.dockerHost)
    live = await startAgent()
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    await live?.stop()
    await removePrivateEngine(engine, folder)
  }, START_TIMEOUT_MS)

  test(
    'reports containers that end with the engine, while the agent is stopped, as exits rather than crashes',
    async () => {
      const words = (name: string) => ['run', '-d', '--name', name, '--network', 'none', '--stop-timeout', '2']
      await on(...words('ignores'), '-m', '32m', '--restart', 'always', BUSYBOX_IMAGE, 'sleep', '3600')
      await on(
        ...words('obeys'),
        '--restart',
        'always',
        BUSYBOX_IMAGE,
        'sh',
        '-c',
        'trap "exit 143" TERM; while :; do sleep 0.1; done',
      )
      await on(...words('stays'), BUSYBOX_IMAGE, 'sleep', '3600')
      for (const name of ['ignores', 'obeys', 'stays']) await eventOf('container.started', name)
      // An agent in a container ends with the engine as well.
      await live.stop()
      engine.signal('SIGTERM')
      await engine.ended()
      engine = await startPrivateEngine({ folder })
      live = await startAgent()
      for (const name of ['ignores', 'obeys', 'stays']) {
        const { body, severity } = await eventOf('container.exited', name)
        expect(severity).toBe('info')
        expect(body).toMatch(/ended with .* while the engine or the agent was stopped/)
      }
      await eventOf('container.started', 'ignores')
      expect(live.events().filter(({ severity }) => ['error', 'critical'].includes(severity))).toEqual([])
    },
    2 * START_TIMEOUT_MS,
  )

  test(
    'reports the update of a swarm service as a change of its slot, with the variable',
    async () => {
      await on('swarm', 'init', '--advertise-addr', '127.0.0.1')
      const words = ['--detach', '--no-resolve-image']
      const service = ['--name', 'web', '--network', 'host', '--stop-grace-period', '1s', '--env', 'MODE=one']
      await on('service', 'create', ...words, ...service, BUSYBOX_IMAGE, 'sleep', '3600')
      await eventOf('container.started', 'web.1.')
      await on('service', 'update', ...words, '--env-add', 'MODE=two', 'web')
      const change = await eventOf('container.changed', 'web.1.')
      expect(change).toMatchObject({ severity: 'warning', attributes: { 'change.environment.changed': ['MODE'] } })
      const exit = await eventOf('container.exited', 'web.1.')
      expect(exit.body).toContain('by request')
      expect(live.events().filter(({ name }) => name === 'container.crashed')).toEqual([])
    },
    2 * START_TIMEOUT_MS,
  )
})
