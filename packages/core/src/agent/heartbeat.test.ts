import { describe, expect, test } from 'vitest'
import { recordingLogger } from '../../test/recording-logger.ts'
import { runtimeConfigSchema } from '../config/runtime-config.ts'
import { PlatformError } from '../errors/platform-error.ts'
import { type HeartbeatRequest, type HeartbeatResponse, heartbeatRequestSchema, LIMITS } from '../platform/protocol.ts'
import { createHeartbeatSender, fitCollectors, type HeartbeatDescription, type HeartbeatSender } from './heartbeat.ts'

const description: HeartbeatDescription = {
  agent_id: '3f1b9c0e-8f5e-5d1b-9a55-2d3c9f8b7a60',
  agent_type: 'docker',
  agent_version: '1.0.0',
  started_at: '2026-01-23T10:00:00.000Z',
  collectors: {},
  outbox: { reports: 0, bytes: 0, dropped: 0 },
}

interface Setup {
  readonly sender: HeartbeatSender
  readonly sent: HeartbeatRequest[]
  readonly log: ReturnType<typeof recordingLogger>
}

/** A sender whose platform gives these answers, one after the other, and then 30 s. */
function senderOf(
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
  const enrolment = { prepare: async () => undefined, rotate: async () => undefined }
  return { sender: createHeartbeatSender({ client: { sendHeartbeat }, enrolment, runtime, log, describe }), sent, log }
}

const unreachable = new PlatformError('connection refused', { retryable: true })
const refused = new PlatformError('unknown token', { retryable: true, status: 401 })

describe('the answer to a heartbeat', () => {
  test('asks for another key, and is logged if it warns, once per warning', async () => {
    const calls: string[] = []
    const log = recordingLogger()
    const answers = [{ rotate_key: true as const }, { warning: 'a' }, { warning: 'a' }, {}, { warning: 'a' }]
    const sender = createHeartbeatSender({
      client: {
        sendHeartbeat: async () => {
          calls.push('heartbeat')
          return { interval_seconds: 30, server_time: '2026-01-23T10:00:00.000Z', ...answers.shift() }
        },
      },
      enrolment: { prepare: async () => void calls.push('prepare'), rotate: async () => void calls.push('rotate') },
      runtime: runtimeConfigSchema.parse({}),
      log,
      describe: () => description,
    })
    await sender.send()
    await sender.send()
    expect(calls).toEqual(['prepare', 'heartbeat', 'rotate', 'prepare', 'heartbeat'])
    for (let count = 0; count < 3; count += 1) await sender.send()
    expect(log.messages('warn')).toEqual(['the platform warns', 'the platform warns'])
  })
})

describe('HeartbeatSender', () => {
  test('numbers heartbeats from 0', async () => {
    const { sender, sent } = senderOf([])
    expect(sender.acknowledged()).toBeUndefined()
    expect(await sender.send()).toBe(true)
    expect(await sender.send()).toBe(true)
    expect(sent.map(({ sequence }) => sequence)).toEqual([0, 1])
    expect(sent[0]).not.toHaveProperty('interval_seconds')
    expect(sent[0]?.report_interval_seconds).toBe(15)
    expect(sender.acknowledged()).toBe(true)
  })

  test('sends what is known about the agent', async () => {
    const { sender, sent } = senderOf(
      [],
      {},
      {
        agent_name: 'web-1',
        replaces_agent_id: description.agent_id,
        collectors: { disks: { ok: false, duration_ms: 3, error: 'no' } },
        outbox: { reports: 1, bytes: 2, dropped: 3, oldest_at: '2026-01-23T10:00:00.000Z' },
      },
    )
    await sender.send()
    expect(sent[0]).toMatchObject({
      agent_name: 'web-1',
      replaces_agent_id: description.agent_id,
      collectors: { disks: { ok: false, duration_ms: 3, error: 'no' } },
      outbox: { reports: 1, bytes: 2, dropped: 3, oldest_at: '2026-01-23T10:00:00.000Z' },
    })
  })

  test('uses the interval that the platform asks for', async () => {
    const { sender } = senderOf([7])
    expect(sender.intervalMs()).toBe(30_000)
    await sender.send()
    expect(sender.intervalMs()).toBe(7000)
  })

  test.each([
    [1e-9, 100],
    [1e12, 86_400_000],
  ])('limits an interval of %d s to a sensible range', async (seconds, milliseconds) => {
    const { sender } = senderOf([seconds])
    await sender.send()
    expect(sender.intervalMs()).toBe(milliseconds)
  })

  test('keeps a configured interval and sends it to the platform', async () => {
    const { sender, sent } = senderOf([7], { heartbeat_interval: '1m' })
    await sender.send()
    expect(sender.intervalMs()).toBe(60_000)
    expect(sent[0]?.interval_seconds).toBe(60)
  })

  test('logs the first failed heartbeat and the recovery', async () => {
    const { sender, log } = senderOf([unreachable, unreachable, 30])
    expect(await sender.send()).toBe(false)
    expect(sender.acknowledged()).toBe(false)
    expect(await sender.send()).toBe(false)
    expect(await sender.send()).toBe(true)
    expect(log.lines.map(({ level, message, fields }) => [level, message, fields.error])).toEqual([
      ['warn', 'heartbeat failed', 'connection refused'],
      ['debug', 'heartbeat failed', 'connection refused'],
      ['info', 'heartbeat recovered', undefined],
    ])
  })

  test('sends fewer heartbeats while the token is refused, and leaves the log to the client', async () => {
    const { sender, log } = senderOf([refused, 30])
    await sender.send()
    expect(sender.intervalMs()).toBe(120_000)
    expect(log.messages('warn')).toEqual([])
    await sender.send()
    expect(sender.intervalMs()).toBe(30_000)
  })

  test('comes no earlier than the platform asked for, and not together with others', async () => {
    const busy = () => new PlatformError('busy', { status: 503, retryable: true, retryAfter: 90_000 })
    const { sender } = senderOf([busy(), busy(), unreachable, 30])
    expect(sender.retryAfterMs()).toBe(0)
    await sender.send()
    const first = sender.retryAfterMs()
    await sender.send()
    for (const wait of [first, sender.retryAfterMs()]) {
      expect(wait).toBeGreaterThanOrEqual(90_000)
      expect(wait).toBeLessThanOrEqual(180_000)
    }
    expect(sender.retryAfterMs()).not.toBe(first)
    await sender.send()
    expect(sender.retryAfterMs()).toBe(0)
  })

  test('keeps the time of the last accepted heartbeat, and why the last one was not accepted', async () => {
    const { sender } = senderOf([30, refused, 30])
    await sender.send()
    const acceptedAt = sender.acknowledgedAt()
    expect(acceptedAt).toBeInstanceOf(Date)
    expect(sender.failure()).toBeUndefined()
    await sender.send()
    expect(sender.acknowledgedAt()).toBe(acceptedAt)
    expect(sender.failure()).toEqual({ reason: 'unknown token', refusedToken: true })
    await sender.send()
    expect(sender.failure()).toBeUndefined()
  })

  test('keeps its last acknowledgement when the stop interrupts a heartbeat', async () => {
    const { sender, log } = senderOf([unreachable])
    expect(await sender.send(AbortSignal.abort())).toBe(false)
    expect(sender.acknowledged()).toBeUndefined()
    expect(log.lines).toEqual([])
  })

  test('sends one heartbeat when a collector begins to fail or recovers', async () => {
    const well = { cpu: { ok: true, duration_ms: 1 } }
    const failing = { cpu: { ok: false, duration_ms: 1, error: 'no /proc/stat' } }
    const described: { collectors: HeartbeatDescription['collectors'] } = { collectors: {} }
    const { sender, sent } = senderOf([], {}, described)
    await sender.send()
    for (const collectors of [well, { cpu: { ok: true, duration_ms: 2 } }, failing, failing, well]) {
      described.collectors = collectors
      await sender.sendOnChange()
    }
    expect(sent.map(({ collectors }) => collectors.cpu?.ok)).toEqual([undefined, true, false, true])
  })

  test('sends no heartbeat on a change while the platform is unreachable', async () => {
    const described: { collectors: HeartbeatDescription['collectors'] } = { collectors: {} }
    const { sender, sent } = senderOf([unreachable], {}, described)
    await sender.send()
    described.collectors = { cpu: { ok: true, duration_ms: 1 } }
    await sender.sendOnChange()
    expect(sent).toHaveLength(1)
  })
})

describe('fitCollectors', () => {
  test('keeps short errors, and leaves out what the platform refuses', () => {
    const status = { ok: false, duration_ms: 1, error: 'no permission' }
    expect(fitCollectors({ pods: status })).toEqual({ pods: status })
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`collector-${index}`, { ...status, error: '\u001b'.repeat(4096) }]),
    )
    const fitting = fitCollectors(many)
    expect(Object.keys(fitting)).toHaveLength(LIMITS.collectors)
    expect(fitting['collector-0']?.error).toMatch(/…$/)
    expect(Buffer.byteLength(JSON.stringify(fitting))).toBeLessThan(LIMITS.signal / 2)
  })
})
