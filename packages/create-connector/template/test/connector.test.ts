import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createAgent } from '@rca/core'
import type { Event, WatchContext } from '@rca/core/connector'
import { openClient } from '../src/client.ts'
import { changes } from '../src/events/changes.ts'
import { acmeQueues } from '../src/index.ts'
import { type FakeServer, startFakeServer } from './fake-server.ts'

const TOKEN = 'a-token-of-this-test'
let server: FakeServer

before(async () => {
  server = await startFakeServer(TOKEN)
})
after(() => server.close())

/** An agent as it runs in production, without a platform. */
function agentOf(url: string, token = TOKEN) {
  return createAgent({
    connector: acmeQueues,
    platformUrl: 'http://127.0.0.1',
    agentToken: 'unused',
    config: { acme_queues_url: url, acme_queues_token: token },
  })
}

test('reports each queue with its load, without a gap', async () => {
  const agent = agentOf(server.url)
  const { data } = await agent.collectMetrics()
  await agent.stop()
  assert.deepEqual(data.gaps, [])
  const own = data.metrics.filter(({ name }) => name === 'acme.queues.queue.load')
  assert.deepEqual(
    own.map(({ entity, value }) => [entity.id, value]),
    [
      ['service-1/invoices', 0.75],
      ['service-1/mails', 0],
    ],
  )
})

test('reports a gap, and no queue, while the service refuses to list them', async () => {
  const agent = agentOf(server.url)
  await agent.collectMetrics()
  server.status = 403
  try {
    const { data } = await agent.collectMetrics()
    assert.match(data.gaps.map(({ reason }) => reason).join(), /GET \/items was refused with 403/)
    assert.deepEqual(
      data.metrics.filter(({ name }) => name.startsWith('acme.')),
      [],
    )
  } finally {
    server.status = 200
    await agent.stop()
  }
})

test('says which option to check when the token is wrong', async () => {
  const agent = agentOf(server.url, 'wrong')
  await assert.rejects(agent.collectMetrics(), /check `acme_queues_token`/)
  await agent.stop()
})

test('the watcher goes on from its cursor', async () => {
  const signal = new AbortController().signal
  const client = await openClient({ url: server.url, token: TOKEN }, signal)
  assert.deepEqual(
    (await watchOnce(client, undefined)).events.map(({ id }) => id),
    ['service-1/1'],
  )
  const second = await watchOnce(client, '1')
  assert.deepEqual(second.events, [])
  assert.equal((await watchOnce(client, 'spoilt')).cursor, '1')
})

test('the command passes every option to the agent', () => {
  const { command } = agentOf('http://service.example').deployment()
  assert.match(String(command), /ACME_QUEUES_URL=http:\/\/service\.example ACME_QUEUES_TOKEN=a-token-of-this-test/)
})

/** Runs the watcher up to its first sleep. */
async function watchOnce(client: Awaited<ReturnType<typeof openClient>>, cursor: string | undefined) {
  const events: Event[] = []
  let saved = cursor
  const asleep = new Error('asleep')
  const context: WatchContext = {
    signal: new AbortController().signal,
    now: () => new Date(),
    cursor,
    emit: (signals) => void events.push(...(signals.events ?? []).filter((event) => event !== undefined)),
    saveCursor: async (text) => {
      saved = text
    },
    sleep: async () => {
      throw asleep
    },
  }
  await assert.rejects(changes.watch(client, context), asleep)
  return { events, cursor: saved }
}
