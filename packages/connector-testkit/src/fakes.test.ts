import { createAgent, silentLogger } from '@rca/core'
import { expect, onTestFinished, test } from 'vitest'
import { queues, startBroker } from '../test/queues-connector.ts'
import { fakeContext, fakePlatform } from './index.ts'

test('fakePlatform keeps reports and heartbeats, and refuses on request', async () => {
  const [platform, broker] = [await fakePlatform(), await startBroker()]
  onTestFinished(async () => {
    await platform.close()
    await broker.close()
  })
  const agent = createAgent({
    connector: queues,
    platformUrl: platform.url,
    agentToken: 'agent_queues_token',
    config: { ...broker.options, retry_count: 0 } as never,
    logger: silentLogger,
  })
  onTestFinished(() => agent.stop())
  const collected = await agent.collectMetrics()
  expect(await agent.heartbeat()).toBe(true)
  expect(await agent.sendData(collected)).toBe(true)
  await platform.until(({ reports }) => reports.length > 0)
  expect(platform.reports.map(({ report_id }) => report_id)).toEqual([collected.report_id])
  expect(platform.heartbeats).toMatchObject([{ agent_type: 'acme/queues' }])
  platform.refuse(503)
  expect(await agent.heartbeat()).toBe(false)
  platform.accept()
  expect(await agent.heartbeat()).toBe(true)
  expect(platform.violations).toEqual([])
})

test('fakeContext gives every context of an agent one clock and one signal', async () => {
  const context = fakeContext({ config: { broker_url: 'http://broker' } })
  context.clock.set('2026-01-01T00:00:00.000Z')
  expect(context.connect.config.broker_url).toBe('http://broker')
  expect(context.collect.now().toISOString()).toBe('2026-01-01T00:00:00.000Z')
  const watching = context.watch({ steps: [() => undefined] })
  await watching.sleep('1h')
  expect(context.collect.now().toISOString()).toBe('2026-01-01T01:00:00.000Z')
  context.stop()
  expect([context.connect.signal.aborted, context.collect.signal.aborted, watching.signal.aborted]).toEqual([
    true,
    true,
    true,
  ])
})
