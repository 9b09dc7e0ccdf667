import { readFile } from 'node:fs/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startPlatform } from '../../test/platform.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import { createAgent } from '../agent/agent.ts'
import { command } from '../deployment/command.ts'
import { planDeployment } from '../deployment/plan-deployment.ts'
import { dataRequestSchema, heartbeatRequestSchema, metricSchema } from '../platform/protocol.ts'
import { parseManifest } from '../registry/manifest.ts'
import type { Connector } from './connector.ts'
import { FEATURES } from './define-connector.ts'

const TOKEN = `agent_prod_${'x'.repeat(43)}`
const FIXTURES = new URL('../../test/fixtures/contract-1/', import.meta.url)

async function previousConnector(): Promise<Connector> {
  const { connectorOf } = await import(new URL('connector.js', FIXTURES).href)
  return connectorOf((words: readonly string[]) => command('install', ...words))
}

const fixture = async (name: string): Promise<object> => JSON.parse(await readFile(new URL(name, FIXTURES), 'utf8'))

describe('a connector of the previous release', () => {
  test('is deployed', async () => {
    const { command: text } = planDeployment(await previousConnector(), {
      platformUrl: 'https://rca.example.com',
      agentToken: TOKEN,
      environmentName: 'prod',
      config: { region: 'us', container_name: 'agent' },
    })
    expect(text).toBe('install region container_name')
  })

  test('runs, and reports all signals', async () => {
    const platform = await startPlatform()
    const log = recordingLogger()
    const connector = await previousConnector()
    const config = { collect_interval: '1s', api_key: 'canary-1234' }
    const agent = createAgent({ connector, platformUrl: platform.url, agentToken: TOKEN, config, logger: log })
    onTestFinished(() => agent.stop())
    await agent.start()
    await platform.until(() => platform.reports().some(({ data }) => data.events.length > 0))
    const reports = platform.reports()
    const names = reports.flatMap(({ data }) => data.metrics.map(({ name }) => name))
    expect(names).toContain('acme.queue.messages')
    expect(reports[0]).toMatchObject({ agent_type: 'acme/queues' })
    expect(reports.flatMap(({ data }) => data.gaps)).toContainEqual(expect.objectContaining({ scope: 'queue:orders' }))
    expect(agent.status().collectors).toMatchObject({ queues: { ok: true }, stream: { ok: true }, stops: { ok: true } })
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(platform.violations).toEqual([])
  })
})

describe('an agent of the previous release', () => {
  test('sends reports and heartbeats that this protocol accepts unchanged', async () => {
    const report = await fixture('report.json')
    expect(dataRequestSchema.parse({ reports: [report] })).toEqual({ reports: [report] })
    const heartbeat = await fixture('heartbeat.json')
    expect(heartbeatRequestSchema.parse(heartbeat)).toEqual(heartbeat)
  })
})

describe('a platform of the previous release', () => {
  test('ignores the time of a point and the package of the connector', async () => {
    const heartbeat = await fixture('heartbeat.json')
    const connector = { package: '@acme/rca-queues', version: '1.2.3' }
    expect(heartbeatRequestSchema.omit({ connector: true }).parse({ ...heartbeat, connector })).toEqual(heartbeat)
    const entity = { type: 'acme.queue', id: 'mails' }
    const point = { name: 'acme.queue.messages', value: 3, unit: '1', kind: 'gauge', entity, attributes: {} }
    const dated = { ...point, at: '2026-11-30T12:00:00.000Z' }
    expect(metricSchema.parse(dated)).toEqual(dated)
    expect(metricSchema.omit({ at: true }).parse(dated)).toEqual(point)
  })
})

describe('a connector of the next release', () => {
  const manifest = { contract: 1, type: 'acme/queues', title: 'Acme', description: 'Watch Acme.' }

  test('is used if its manifest has further keys and its range includes this core', () => {
    expect(parseManifest({ ...manifest, provenance: true, core: '>=0.3' }, '0.3.0')).toMatchObject({ core: '>=0.3' })
    for (const version of ['0.3.1', '0.10.0', '1.0.0', '0.0.0'])
      expect(parseManifest({ ...manifest, core: '>=0.3' }, version)).toHaveProperty('type')
  })

  test('is refused with the fix if it requires a newer core', () => {
    for (const [core, version] of [
      ['>=0.3', '0.2.9'],
      ['>=1.2.3', '1.2.2'],
    ])
      expect(parseManifest({ ...manifest, core }, version)).toEqual({
        problem: `it requires \`@rca/core\` ${core}, but this is version ${version}`,
        remedy: 'update `@rca/core`, or install an older version of the package',
      })
    expect(parseManifest({ ...manifest, core: '^1' })).toHaveProperty('problem')
    expect(parseManifest({ ...manifest, contract: 2 })).toHaveProperty('problem')
  })

  test('finds out what this core supports', () => {
    expect(FEATURES.has('unread')).toBe(true)
    expect(FEATURES.has('metric-time')).toBe(true)
    expect(FEATURES.has('a feature of the next release')).toBe(false)
  })
})
