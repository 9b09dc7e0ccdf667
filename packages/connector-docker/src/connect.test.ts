import { silentLogger } from '@rca/core'
import { hostId } from '@rca/core/connector'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type EngineServer, engineServer, refusing } from '../test/engine-server.ts'
import { captured, engineNames, exactEngine } from '../test/fixtures.ts'
import { configSchema } from './config.ts'
import { connect } from './connect.ts'
import type { DockerClient } from './docker-client.ts'

const running = new AbortController().signal

async function open(
  server: Pick<EngineServer, 'path'>,
  options: Readonly<Record<string, unknown>> = {},
  signal: AbortSignal = running,
): Promise<DockerClient> {
  const client = await connect({
    config: configSchema.parse({
      docker_host: `unix://${server.path}`,
      root_path: temporaryDirectory().path,
      ...options,
    }),
    signal,
    log: silentLogger,
    keyedHash: (text) => `keyedHash of ${text.length}`,
  })
  onTestFinished(() => client.engine.close())
  return client
}

describe.each(engineNames)('connect to %s', (name) => {
  test('identifies the engine, and reads its containers and their usage', async () => {
    const of = captured(name)
    const client = await open(await engineServer(of), { root_path: of.root, exclude_containers: ['pla*'] })
    expect(client.info).toEqual(of.info)
    expect(client.entity).toEqual({ type: 'docker.engine', id: of.info.id })
    expect(client.usage.source).toBe(`cgroup v${of.info.cgroupVersion}`)
    expect(client.keyedHash('abc')).toBe('keyedHash of 3')
    expect([client.inventory.isIncluded('plain'), client.inventory.isIncluded('shop-web-1')]).toEqual([false, true])
    const names = (await client.inventory.containers(running)).map((container) => container.name)
    expect(names.toSorted()).toEqual(of.containerNames.filter((other) => other !== 'plain').toSorted())
  })
})

describe('connect: host', () => {
  const of = captured(exactEngine)

  test('derives the host id from the machine id, as the server connector does', async () => {
    const server = await engineServer(of)
    const root = temporaryDirectory()
    const host = async () => (await open(server, { root_path: root.path })).host
    expect(await host()).toBeUndefined()
    root.write('var/lib/dbus/machine-id', 'of D-Bus\n')
    expect(await host()).toEqual({ type: 'host', id: hostId('of D-Bus') })
    root.write('etc/machine-id', 'uninitialized\n')
    expect(await host()).toEqual({ type: 'host', id: hostId('of D-Bus') })
    root.write('etc/machine-id', '0123456789abcdef0123456789abcdef\n')
    const found = await host()
    expect(found).toEqual({ type: 'host', id: hostId('0123456789abcdef0123456789abcdef') })
    expect(found?.id).not.toContain('0123456789abcdef0123456789abcdef')
  })
})

describe('connect: unreachable engine', () => {
  const of = captured(exactEngine)

  test('rejects with the fix', async () => {
    await expect(open({ path: '/nonexistent/docker.sock' })).rejects.toThrow(
      /No engine at unix:\/\/\/nonexistent\/docker\.sock.*`docker_host`/,
    )
  })

  test('closes the connection', async () => {
    const server = await engineServer(of, { '/version': refusing(500, 'not yet') })
    await expect(open(server)).rejects.toThrow('answered 500')
    await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000)
  })

  test('stops waiting when the agent stops', async () => {
    const server = await engineServer(of)
    await expect(open(server, {}, AbortSignal.abort(new Error('the agent stops')))).rejects.toThrow('the agent stops')
  })

  test('rejects an invalid address before connecting', async () => {
    const opening = connect({
      config: { ...configSchema.parse({}), docker_host: 'tcp://:2375' },
      signal: running,
      log: silentLogger,
      keyedHash: () => '',
    })
    await expect(opening).rejects.toThrow('`docker_host`')
  })
})
