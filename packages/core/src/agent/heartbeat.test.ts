import { expect, test } from 'vitest'
import { recordingLogger } from '../../test/recording-logger.ts'
import { runtimeConfigSchema } from '../config/runtime-config.ts'
import { PlatformError } from '../errors/platform-error.ts'
import { type HeartbeatRequest, type HeartbeatResponse, heartbeatRequestSchema } from '../platform/protocol.ts'
import { createHeartbeatSender, type HeartbeatDescription, type HeartbeatSender } from './heartbeat.ts'

const description: HeartbeatDescription = {
  agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
  agent_type: 'docker',
  agent_version: '1.0.0',
  started_at: '2026-01-23T10:00:00.000Z',
  collectors: {},
  outbox: { reports: 0, bytes: 0, dropped: 0 },
}

interface Setup {
  readonly heart: HeartbeatSender
  readonly sent: HeartbeatRequest[]
  readonly log: ReturnType<typeof recordingLogger>
}

/** A heart whose platform gives these answers, one after the other, and then 30 s. */
function heartOf(
  answers: (number | PlatformError)[],
  config: Record<string, unknown> = {},
  described: Partial<HeartbeatDescription> = {},
): Setup {
  const sent: HeartbeatRequest[] = []
  const log = recordingLogger()
  const sendHeartbeat = async (heartbeat: HeartbeatRequest): Promise<HeartbeatResponse> => {
    sent.push(heartbeatRequestSchema.parse(heartbeat))
    const answer = answers.shift() ?? 30
    if (answer instanceof PlatformError) throw answer
    return { interval_seconds: answer, server_time: '2026-01-23T10:00:00.000Z' }
  }
  const runtime = runtimeConfigSchema.parse(config)
  const describe = (): HeartbeatDescription => ({ ...description, ...described })
  return { heart: createHeartbeatSender({ client: { sendHeartbeat }, runtime, log, describe }), sent, log }
}

const unreachable = new PlatformError('connection refused', { retryable: true })
const refused = new PlatformError('unknown token', { retryable: true, status: 401 })

test('heartbeats are counted from 0', async () => {
  const { heart, sent } = heartOf([])
  expect(heart.acknowledged()).toBeUndefined()
  expect(await heart.send()).toBe(true)
  expect(await heart.send()).toBe(true)
  expect(sent.map(({ sequence }) => sequence)).toEqual([0, 1])
  expect(sent[0]).not.toHaveProperty('interval_seconds')
  expect(heart.acknowledged()).toBe(true)
})

test('what is known is said', async () => {
  const { heart, sent } = heartOf(
    [],
    {},
    {
      agent_name: 'web-1',
      replaces_agent_id: description.agent_id,
      collectors: { disks: { ok: false, duration_ms: 3, error: 'no' } },
      outbox: { reports: 1, bytes: 2, dropped: 3, oldest_at: '2026-01-23T10:00:00.000Z' },
    },
  )
  await heart.send()
  expect(sent[0]).toMatchObject({
    agent_name: 'web-1',
    replaces_agent_id: description.agent_id,
    collectors: { disks: { ok: false, duration_ms: 3, error: 'no' } },
    outbox: { reports: 1, bytes: 2, dropped: 3, oldest_at: '2026-01-23T10:00:00.000Z' },
  })
})

test('the platform says when the next heartbeat is due', async () => {
  const { heart } = heartOf([7])
  expect(heart.intervalMs()).toBe(30_000)
  await heart.send()
  expect(heart.intervalMs()).toBe(7000)
})

test.each([
  [1e-9, 100],
  [1e12, 86_400_000],
])('an interval of %d s is brought within reason', async (seconds, milliseconds) => {
  const { heart } = heartOf([seconds])
  await heart.send()
  expect(heart.intervalMs()).toBe(milliseconds)
})

test('an interval that the operator chose holds, and the platform is told', async () => {
  const { heart, sent } = heartOf([7], { heartbeat_interval: '1m' })
  await heart.send()
  expect(heart.intervalMs()).toBe(60_000)
  expect(sent[0]?.interval_seconds).toBe(60)
})

test('a lost heartbeat is told once, and so is the next that is heard', async () => {
  const { heart, log } = heartOf([unreachable, unreachable, 30])
  expect(await heart.send()).toBe(false)
  expect(heart.acknowledged()).toBe(false)
  expect(await heart.send()).toBe(false)
  expect(await heart.send()).toBe(true)
  expect(log.lines.map(({ level, message, fields }) => [level, message, fields.error])).toEqual([
    ['warn', 'heartbeat failed', 'connection refused'],
    ['debug', 'heartbeat failed', 'connection refused'],
    ['info', 'heartbeat recovered', undefined],
  ])
})

test('while the token is refused heartbeats are rare, and the client alone tells of it', async () => {
  const { heart, log } = heartOf([refused, 30])
  await heart.send()
  expect(heart.intervalMs()).toBe(120_000)
  expect(log.messages('warn')).toEqual([])
  await heart.send()
  expect(heart.intervalMs()).toBe(30_000)
})

test('a heartbeat that stopping cut short says nothing of the platform', async () => {
  const { heart, log } = heartOf([unreachable])
  expect(await heart.send(AbortSignal.abort())).toBe(false)
  expect(heart.acknowledged()).toBeUndefined()
  expect(log.lines).toEqual([])
})

test('a collector that begins or ceases to fail is told at once, and only once', async () => {
  const well = { cpu: { ok: true, duration_ms: 1 } }
  const failing = { cpu: { ok: false, duration_ms: 1, error: 'no /proc/stat' } }
  const described: { collectors: HeartbeatDescription['collectors'] } = { collectors: {} }
  const { heart, sent } = heartOf([], {}, described)
  await heart.send()
  for (const collectors of [well, { cpu: { ok: true, duration_ms: 2 } }, failing, failing, well]) {
    described.collectors = collectors
    await heart.sendOnChange()
  }
  expect(sent.map(({ collectors }) => collectors.cpu?.ok)).toEqual([undefined, true, false, true])
})

test('while the platform cannot be reached, changes wait for the next heartbeat', async () => {
  const described: { collectors: HeartbeatDescription['collectors'] } = { collectors: {} }
  const { heart, sent } = heartOf([unreachable], {}, described)
  await heart.send()
  described.collectors = { cpu: { ok: true, duration_ms: 1 } }
  await heart.sendOnChange()
  expect(sent).toHaveLength(1)
})
