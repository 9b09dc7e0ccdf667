import { readdirSync } from 'node:fs'
import { collectContext } from '@rca/connector-testkit'
import { createAgent, silentLogger } from '@rca/core'
import type { Report } from '@rca/core/protocol'
import { describe, expect, onTestFinished, test } from 'vitest'
import { engineServer } from '../test/engine-server.ts'
import { fakeClient } from '../test/fake-engine.ts'
import { type Captured, canary, captured, engineNames, exactEngine } from '../test/fixtures.ts'
import { docker } from './index.ts'

test('lists every file of `collectors/` in the table', () => {
  const files = readdirSync(`${import.meta.dirname}/collectors`).filter((file) => !file.endsWith('.test.ts'))
  expect(Object.keys(docker.collectors).toSorted()).toEqual(files.map((file) => file.replace('.ts', '')).toSorted())
})

test('names the watcher after its file in `events/`', () => {
  const sources = readdirSync(`${import.meta.dirname}/events`).filter((file) => !file.endsWith('.test.ts'))
  expect(Object.keys(docker.watchers ?? {})).toEqual(['engine-events'])
  expect(sources).toContain('engine-events.ts')
})

test('declares each signal name once', () => {
  const names = Object.values(docker.signals).map(
    (signal) => `${signal.signal} ${'name' in signal ? signal.name : signal.type}`,
  )
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted())
})

/** Runs an agent that collects once. */
async function collect(of: Captured, path: string): Promise<Report> {
  const agent = createAgent({
    connector: docker,
    platformUrl: 'http://127.0.0.1:1',
    agentToken: 'docker-token',
    logger: silentLogger,
    config: { docker_host: `unix://${path}`, root_path: of.root },
  })
  onTestFinished(() => agent.stop())
  const report = await agent.collectMetrics()
  const failed = Object.entries(agent.status().collectors).filter(([, { ok }]) => !ok)
  expect(failed.map(([name]) => name)).toEqual(report.data.gaps.map(({ scope }) => scope.replace('collector:', '')))
  return report
}

describe.each(engineNames)('docker connector on %s', (name) => {
  const of = captured(name)

  test('reports every kind of entity at first, and declared signals only', async () => {
    const { agent_type: type, data } = await collect(of, (await engineServer(of)).path)
    expect(type).toBe('docker')
    expect(data.gaps).toEqual([])
    const types = new Set(data.entities.map((entity) => entity.type))
    expect([...types].toSorted()).toEqual([
      'container',
      'container.image',
      'docker.compose.project',
      'docker.compose.service',
      'docker.engine',
      'docker.network',
      'docker.volume',
      'rca.agent',
    ])
    const metrics = new Set(data.metrics.map((metric) => metric.name))
    for (const metric of ['container.cpu.time', 'container.network.io', 'docker.engine.containers', 'container.uptime'])
      expect(metrics).toContain(metric)
    // The captured engine's time is in the past.
    const amounts = data.metrics.filter((metric) => metric.name !== 'docker.engine.clock_offset')
    for (const { value } of amounts) expect(value).toBeGreaterThanOrEqual(0)
  })

  test('does not send secrets', async () => {
    const report = await collect(of, (await engineServer(of)).path)
    expect(JSON.stringify(report)).not.toContain(canary)
    expect(JSON.stringify(of.containers())).toContain(canary)
    // Checks each collector by itself, without the redaction in core.
    const client = fakeClient(of)
    for (const [collector, { collect }] of Object.entries(docker.collectors))
      expect(JSON.stringify(await collect(client, collectContext())), collector).not.toContain(canary)
  })

  test('refers to reported entities only', async () => {
    const { data } = await collect(of, (await engineServer(of)).path)
    const existing = new Set(data.entities.map(({ type, id }) => `${type} ${id}`))
    const dangling = [
      ...data.metrics.map(({ entity }) => entity),
      ...data.entities.flatMap(({ relations }) => relations.map(({ target }) => target)),
    ].filter(({ type, id }) => !existing.has(`${type} ${id}`))
    expect(dangling).toEqual([])
  })
})

describe('docker connector', () => {
  const of = captured(exactEngine)

  test('has one agent id per engine', async () => {
    const { path } = await engineServer(of)
    const first = await collect(of, path)
    const again = await collect(of, path)
    const other = captured(engineNames.find((name) => captured(name).info.id !== of.info.id))
    const elsewhere = await collect(other, (await engineServer(other)).path)
    expect(again.agent_id).toBe(first.agent_id)
    expect(elsewhere.agent_id).not.toBe(first.agent_id)
    expect(first.agent_id).not.toContain(of.info.id)
  })

  test('reports the other collectors when one request fails', async () => {
    const refuse = (_request: unknown, response: { destroy(): void }) => response.destroy()
    const { path } = await engineServer(of, { '/networks': refuse, '/system/df': refuse })
    const { data } = await collect(of, path)
    expect(data.gaps.map(({ scope }) => scope).toSorted()).toEqual(['collector:disk-usage', 'collector:networks'])
    expect(data.metrics.map((metric) => metric.name)).toContain('container.cpu.time')
  })

  test('rejects without an engine, with the fix', async () => {
    await expect(collect(of, '/nonexistent/docker.sock')).rejects.toThrow('`docker_host`')
  })
})

test('docker connector disconnects repeatedly without an error', async () => {
  const client = fakeClient()
  await docker.disconnect?.(client)
  await docker.disconnect?.(client)
})

test('docker connector identifies an engine by its own id', async () => {
  const client = fakeClient()
  expect(await docker.identify(client, collectContext())).toEqual({
    id: client.info.id,
    name: 'vm',
    entity: { type: 'docker.engine', id: client.info.id },
  })
})
