import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { type Client, exampleConnector, host, signals } from '../../test/example-connector.ts'
import { gate } from '../../test/gate.ts'
import { type Platform, problem, startPlatform } from '../../test/platform.ts'
import { recordingLogger } from '../../test/recording-logger.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { RawConfig } from '../config/parse-config.ts'
import type { Collector, Connector, StreamingCollector, WatchContext } from '../connector/connector.ts'
import { defineConnector } from '../connector/define-connector.ts'
import { AgentTokenError } from '../errors/agent-token-error.ts'
import { ConfigError } from '../errors/config-error.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { PlatformUrlError } from '../errors/platform-url-error.ts'
import { AGENT_PATHS, type Report, reportSchema } from '../platform/protocol.ts'
import { type Agent, type AgentOptions, createAgent } from './agent.ts'
import { agentIdOf, provisionalAgentId } from './agent-identity.ts'

const TOKEN = 'agent_prod_4f2a9c'
const AGENT_ID = agentIdOf('example', 'machine-1')

interface Setup {
  readonly agent: Agent
  readonly log: ReturnType<typeof recordingLogger>
}

/** An agent that is stopped when the test has finished. Its reports follow each other quickly. */
function agentOf(
  platformUrl: string,
  parts: Partial<Connector<unknown, Client>> = {},
  config: RawConfig = {},
  options: Partial<AgentOptions<unknown, Client>> = {},
): Setup {
  const log = recordingLogger()
  const agent = createAgent({
    connector: exampleConnector(parts),
    platformUrl,
    agentToken: TOKEN,
    logger: log,
    config: { collect_interval: '50ms', retry_count: 0, ...config },
    ...options,
  })
  onTestFinished(() => agent.stop({ timeout: '1s' }))
  return { agent, log }
}

const rebooted = signals.rebooted.event({ at: new Date(), entity: host, body: 'It was restarted.' })
const load: Collector<Client> = { collect: async () => ({ metrics: [signals.load.point(1, host)] }) }
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()))

function hostIds({ data }: Report): string[] {
  return data.entities.filter(({ type }) => type === 'host').map(({ id, deleted }) => (deleted ? `-${id}` : id))
}

/** Makes waits after failures short. */
function hurryRetries(): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.01)
  onTestFinished(() => random.mockRestore())
}

describe('an agent that runs', () => {
  test('sends a heartbeat and reports what its collectors saw', async () => {
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { collectors: { load } })
    expect(agent.status()).toMatchObject({ state: 'idle', connected: false, platformReachable: undefined })
    await agent.start()
    await platform.until(() => platform.reports().length > 0 && platform.heartbeats().length > 0)
    expect(platform.heartbeats()[0]).toMatchObject({
      agent_id: AGENT_ID,
      agent_type: 'example',
      agent_name: 'web-1',
      sequence: 0,
    })
    expect(platform.heartbeats()[0]).not.toHaveProperty('replaces_agent_id')
    const [report] = platform.reports()
    expect(report).toMatchObject({ agent_id: AGENT_ID, sequence: 0, snapshot: true })
    expect(report?.data.gaps).toMatchObject([{ scope: 'entity:host/host-1' }])
    expect(report?.data.metrics).toContainEqual(signals.load.point(1, host))
    await vi.waitFor(() => expect(agent.status().platformReachable).toBe(true), 20_000)
    expect(agent.status()).toMatchObject({
      state: 'running',
      connected: true,
      collectors: { load: { ok: true } },
    })
    await agent.stop()
    expect(agent.status()).toMatchObject({ state: 'stopped', connected: false, outbox: { reports: 0, dropped: 0 } })
    expect(platform.violations).toEqual([])
  })

  test.each([
    [
      { package: '@acme/rca-queues', version: '1.2.3' },
      { package: '@acme/rca-queues', version: '1.2.3' },
    ],
    // The platform would refuse the whole heartbeat.
    [{ package: '@acme/rca-queues', version: '1'.repeat(300) }, undefined],
  ])('sends the package of its connector, if the platform accepts it: %j', async (connectorOrigin, sent) => {
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, {}, {}, { connectorOrigin })
    expect(await agent.heartbeat()).toBe(true)
    expect(platform.heartbeats()[0]?.connector).toEqual(sent)
  })

  test('sends all entities once, then only changes', async () => {
    const seen = [
      ['a', 'b'],
      ['a', 'b'],
      ['b', 'c'],
    ]
    const hosts: Collector<Client> = {
      collect: async () => ({ entities: (seen.shift() ?? ['b', 'c']).map((id) => signals.host.entity({ id })) }),
    }
    const platform = await startPlatform()
    await agentOf(platform.url, { collectors: { hosts } }).agent.start()
    const isChange = (report: Report): boolean => hostIds(report).includes('c')
    await platform.until(() => platform.reports().length >= 4 && platform.reports().some(isChange))
    const reports = platform.reports()
    // A slow machine may report a cycle before its collector has ended: such a report has no entities.
    const changed = reports.filter((report) => hostIds(report).length > 0)
    expect(changed.map(hostIds)).toEqual([
      ['a', 'b'],
      ['c', '-a'],
    ])
    expect(changed.map(({ snapshot }) => snapshot)).toEqual([true, undefined])
    expect(changed.length).toBeLessThan(reports.length)
    expect(reports.map(({ sequence }) => sequence)).toEqual(reports.map((_, index) => index))
  })

  test('leaves what it could not deliver to its next run, with a state directory', async () => {
    const stateDirectory = await temporaryDirectory()
    let accepts = false
    const platform = await startPlatform(() => (accepts ? undefined : problem(503, 'not now')))
    const first = agentOf(platform.url, { collectors: { load } }, {}, { stateDirectory })
    await first.agent.start()
    await vi.waitFor(() => expect(first.agent.status().outbox.reports).toBeGreaterThan(2), 20_000)
    await first.agent.stop({ timeout: '1s' })
    const { reports: left } = first.agent.status().outbox
    expect(first.log.messages('info')).toContain('the next run of the agent delivers the reports that are left')
    accepts = true
    const second = agentOf(platform.url, { collectors: { load } }, {}, { stateDirectory })
    await second.agent.start()
    await platform.until(() => platform.reports().length > left + 1)
    const sequences = platform.reports().map(({ sequence }) => sequence)
    expect(sequences).toEqual(sequences.map((_sequence, index) => index))
    expect(platform.reports()[left]).toMatchObject({ snapshot: true })
  })

  test('reports once that the last run crashed, before its first collection', async () => {
    const stateDirectory = await temporaryDirectory()
    const platform = await startPlatform()
    const crashed = agentOf(platform.url, {}, {}, { stateDirectory })
    await crashed.agent.start()
    crashed.agent.recordProcessError({ origin: 'uncaughtException', error: new Error(`lost ${TOKEN}`) })
    await crashed.agent.stop()
    const before = platform.reports().length
    const events = (): Report['data']['events'] => platform.reports().flatMap(({ data }) => data.events)
    for (let run = 0; run < 2; run += 1) {
      const reports = platform.reports().length
      const { agent } = agentOf(platform.url, { collectors: { load } }, {}, { stateDirectory })
      await agent.start()
      await platform.until(() => platform.reports().length > reports + 2)
      await agent.stop()
    }
    expect(events()).toMatchObject([
      {
        name: 'agent.crashed',
        entity: { type: 'rca.agent', id: AGENT_ID },
        body: 'The connector example ended the agent: lost [redacted]',
      },
    ])
    const { data, snapshot } = platform.reports()[before] as Report
    expect(data.events).toHaveLength(1)
    expect(data.metrics.map(({ name }) => name)).not.toContain('host.load')
    expect(snapshot).toBeUndefined()
    expect(platform.violations).toEqual([])
  })

  describe('a crash while it connects, on every run', () => {
    /** Runs an agent until it connects. It then ends with a record of a crash. */
    const crash = async (platform: Platform, stateDirectory: string, reason?: string): Promise<void> => {
      const connect = vi.fn(() => new Promise<never>(() => undefined))
      const { agent } = agentOf(platform.url, { connect }, {}, { stateDirectory })
      void agent.start()
      await vi.waitFor(() => expect(connect).toHaveBeenCalled(), 20_000)
      if (reason !== undefined) agent.recordProcessError({ origin: 'uncaughtException', error: new Error(reason) })
      await agent.stop({ timeout: '100ms' })
    }
    const eventsOf = (platform: Platform): unknown[] => platform.reports().flatMap(({ data }) => data.events)

    test('is reported once as an event, before it connects', async () => {
      const stateDirectory = await temporaryDirectory()
      const platform = await startPlatform()
      const { agent } = agentOf(platform.url, { collectors: { load } }, {}, { stateDirectory })
      await agent.start()
      await platform.until(() => platform.reports().length > 0)
      await agent.stop()
      await crash(platform, stateDirectory, 'no socket')
      expect(eventsOf(platform)).toEqual([])
      await crash(platform, stateDirectory)
      await crash(platform, stateDirectory)
      const body = 'The connector example ended the agent: no socket'
      expect(eventsOf(platform)).toMatchObject([{ name: 'agent.crashed', body }])
      expect(platform.violations).toEqual([])
    })

    test('is in its heartbeats if it has never connected', async () => {
      const stateDirectory = await temporaryDirectory()
      const platform = await startPlatform()
      await crash(platform, stateDirectory, 'no socket')
      await crash(platform, stateDirectory)
      expect(platform.heartbeats().at(-1)).toMatchObject({
        agent_id: provisionalAgentId('example'),
        collectors: { connect: { ok: false, error: 'connecting to Example ended the agent: no socket' } },
      })
      expect(platform.reports()).toEqual([])
    })
  })

  test('reports an unhandled rejection of its connector as a gap', async () => {
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { collectors: { load } })
    agent.recordProcessError({ origin: 'unhandledRejection', error: new Error('no route') })
    await agent.start()
    await platform.until(() => platform.reports().length > 0)
    expect(platform.reports()[0]?.data.gaps).toContainEqual(
      expect.objectContaining({ scope: 'connector:example', reason: expect.stringContaining('no route') }),
    )
  })

  test('announces reports of its last run in its first heartbeat, also when connecting takes long', async () => {
    const stateDirectory = await temporaryDirectory()
    const platform = await startPlatform(({ path }) => (path === AGENT_PATHS.data ? problem(503, 'no') : undefined))
    const first = agentOf(platform.url, { collectors: { load } }, {}, { stateDirectory })
    await first.agent.start()
    await vi.waitFor(() => expect(first.agent.status().outbox.reports).toBeGreaterThan(2), 20_000)
    await first.agent.stop({ timeout: '1s' })
    const before = platform.heartbeats().length
    const { promise, resolve } = Promise.withResolvers<Client>()
    const second = agentOf(platform.url, { collectors: { load }, connect: () => promise }, {}, { stateDirectory })
    void second.agent.start()
    await platform.until(() => platform.heartbeats().length > before)
    resolve({ name: 'example' })
    const { reports: left } = first.agent.status().outbox
    expect(platform.heartbeats()[before]).toMatchObject({ agent_id: AGENT_ID, outbox: { reports: left } })
  })

  test('has a gap while its reports cannot be written to its state directory', async () => {
    const stateDirectory = join(await temporaryDirectory(), 'state')
    await writeFile(stateDirectory, 'a file where the directory should be')
    const platform = await startPlatform()
    await agentOf(platform.url, { collectors: { load } }, {}, { stateDirectory }).agent.start()
    await platform.until(() => platform.reports().some(({ data }) => data.gaps.length > 0))
    const [gap] = platform.reports().flatMap(({ data }) => data.gaps)
    expect(gap).toMatchObject({ scope: 'outbox', reason: expect.stringMatching(/^Reports wait in memory: .*ENOTDIR/) })
    expect(platform.violations).toEqual([])
  })

  test('reports a watcher’s event without waiting for the next cycle', async () => {
    const speak = gate()
    const events = {
      watch: async (_client: Client, { emit, signal }: WatchContext) => {
        await speak.promise
        emit({ events: [rebooted] })
        await untilAborted(signal)
      },
    }
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { watchers: { events } }, { collect_interval: '1d' })
    await agent.start()
    await platform.until(() => platform.reports().length === 1)
    speak.open()
    await platform.until(() => platform.reports().length === 2)
    expect(platform.reports()[1]?.data.events).toEqual([rebooted])
    expect(agent.status().collectors).toMatchObject({ events: { ok: true } })
  })

  test('reports a generator’s points while it runs, and the rest when it has ended', async () => {
    const note = 'x'.repeat(20_000)
    const ended = gate()
    const flood: StreamingCollector<Client> = {
      async *collect() {
        for (let value = 0; value < 100; value += 1) yield { metrics: [signals.load.point(value, host, { note })] }
        await ended.promise
      },
    }
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { collectors: { flood } }, { collect_interval: '1d' })
    const values = (): number[] =>
      platform
        .reports()
        .flatMap(({ data }) => data.metrics)
        .filter(({ name }) => name === 'host.load')
        .map(({ value }) => value)
    await agent.start()
    await platform.until(() => values().length > 50)
    expect(values().length).toBeLessThan(100)
    ended.open()
    await platform.until(() => values().length === 100)
    expect(values()).toEqual(Array.from({ length: 100 }, (_, value) => value))
    expect(platform.violations).toEqual([])
  })

  test('shows failures as gaps and in heartbeats', async () => {
    const disks: Collector<Client> = {
      collect: async () => {
        throw new Error('no permission')
      },
    }
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { collectors: { load, disks } }, { heartbeat_interval: '50ms' })
    await agent.start()
    await platform.until(() => platform.heartbeats().some(({ collectors }) => collectors.disks !== undefined))
    expect(platform.heartbeats().at(-1)).toMatchObject({
      interval_seconds: 0.05,
      collectors: { load: { ok: true }, disks: { ok: false, error: 'no permission' } },
    })
    await platform.until(() => platform.reports().length >= 3)
    const since = platform.reports().map(({ data }) => data.gaps[0]?.since)
    expect(new Set(since).size).toBe(1)
    expect(platform.violations).toEqual([])
  })

  test('adopts the heartbeat interval that the platform asks for', async () => {
    const platform = await startPlatform(({ path }) =>
      path === AGENT_PATHS.heartbeat
        ? { status: 200, body: { interval_seconds: 0.1, server_time: new Date().toISOString() } }
        : undefined,
    )
    await agentOf(platform.url).agent.start()
    await platform.until(() => platform.heartbeats().length >= 3)
    expect(
      platform
        .heartbeats()
        .map(({ sequence }) => sequence)
        .slice(0, 3),
    ).toEqual([0, 1, 2])
  })

  test('loses nothing while the platform is unreachable', async () => {
    hurryRetries()
    const platform = await startPlatform()
    await platform.stop()
    const { agent, log } = agentOf(platform.url, { collectors: { load } })
    await agent.start()
    await vi.waitFor(() => expect(agent.status().outbox.reports).toBeGreaterThan(2), 20_000)
    expect(agent.status()).toMatchObject({ platformReachable: false, outbox: { dropped: 0 } })
    const again = await startPlatform(undefined, platform.port)
    await again.until(() => again.reports().length > 3)
    await agent.stop()
    expect(again.reports().map(({ sequence }) => sequence)).toEqual(again.reports().map((_, index) => index))
    expect(again.reports()[0]?.snapshot).toBe(true)
    expect(again.violations).toEqual([])
    expect(
      log.lines.some(({ level, fields }) => level === 'warn' && String(fields.error).includes('ECONNREFUSED')),
    ).toBe(true)
    expect(log.messages('error')).toEqual([])
  })

  test('sends a full snapshot after the platform refused a report', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    let refuse = true
    const platform = await startPlatform(({ path }) =>
      path === AGENT_PATHS.data && refuse ? problem(422, 'no') : undefined,
    )
    const hosts: Collector<Client> = { collect: async () => ({ entities: [signals.host.entity({ id: 'a' })] }) }
    const load: Collector<Client> = {
      collect: async (_client, { swapState, fullSnapshot }) => {
        const isRepeated = swapState(true) === true
        return { metrics: isRepeated && fullSnapshot !== true ? [] : [signals.load.point(0.5, host)] }
      },
    }
    const { agent, log } = agentOf(platform.url, { collectors: { hosts, load } })
    await agent.start()
    await vi.waitFor(() => expect(agent.status().outbox.dropped).toBeGreaterThan(0), 20_000)
    const refused = platform.reports().length
    refuse = false
    vi.advanceTimersByTime(61_000)
    await platform.until(() => platform.reports().some(({ snapshot }) => snapshot === true))
    expect(
      platform
        .reports()
        .filter(({ snapshot }) => snapshot)
        .map(hostIds),
    ).toEqual([['a']])
    const loads = (): number[] =>
      platform
        .reports()
        .slice(refused)
        .flatMap(({ data }) => data.metrics.filter(({ name }) => name === signals.load.name).map(({ value }) => value))
    await platform.until(() => loads().length > 0)
    expect(loads()).toEqual([0.5])
    expect(log.messages('error')[0]).toBe('report dropped: the platform refused it')
  })

  test('drops the oldest reports when its queue is full, and logs it', async () => {
    const flood: Collector<Client> = {
      collect: async () => {
        const notes = Array.from({ length: 20 }, () => randomBytes(15_000).toString('hex'))
        return { metrics: notes.map((note) => signals.load.point(1, host, { note })) }
      },
    }
    const platform = await startPlatform(() => problem(503, 'maintenance'))
    const { agent, log } = agentOf(platform.url, { collectors: { flood } }, { max_queue_size: 1 })
    await agent.start()
    await vi.waitFor(() => expect(agent.status().outbox.dropped).toBeGreaterThan(0), 20_000)
    expect(agent.status().outbox.bytes).toBeLessThanOrEqual(1024 * 1024)
    expect(log.messages('warn').some((message) => message.includes('raise `max_queue_size` (MiB)'))).toBe(true)
  })

  test('delivers a large full snapshot in parts', async () => {
    const note = 'x'.repeat(30_000)
    const many = Array.from({ length: 100 }, (_, index) =>
      signals.host.entity({ id: String(index), attributes: { note } }),
    )
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { collectors: { hosts: { collect: async () => ({ entities: many }) } } })
    const report = await agent.collectMetrics()
    expect(await agent.sendData(report)).toBe(true)
    const parts = platform.reports()
    expect(parts.map(({ part }) => part)).toEqual([
      { first: report.report_id, number: 0, snapshot: true },
      { first: report.report_id, number: 1, snapshot: true, last: true },
    ])
    expect(parts.flatMap(hostIds)).toEqual(many.map(({ id }) => id))
    expect(platform.violations).toEqual([])
  })

  test('starts once and stops once, however often `start` and `stop` are called', async () => {
    const connect = vi.fn(async () => ({ name: 'x' }))
    const disconnect = vi.fn(async () => undefined)
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { connect, disconnect })
    await Promise.all([agent.start(), agent.start()])
    await agent.start()
    await Promise.all([agent.stop(), agent.stop()])
    await agent.stop()
    expect(connect).toHaveBeenCalledOnce()
    expect(disconnect).toHaveBeenCalledOnce()
  })

  test('refuses to start again after a stop, with a remedy', async () => {
    const { agent } = agentOf('http://127.0.0.1:9')
    await agent.stop()
    await expect(agent.start()).rejects.toMatchObject({
      code: 'RCA_AGENT_STOPPED',
      message: 'This agent was stopped and does not start again. Create a new one with `createAgent`',
    })
    await expect(agent.collectMetrics()).rejects.toMatchObject({ code: 'RCA_AGENT_STOPPED' })
    expect(await agent.heartbeat()).toBe(false)
  })
})

describe('an agent that stops', () => {
  test('delivers the last signals of watchers and collectors', async () => {
    const platform = await startPlatform()
    const events = {
      watch: async (_client: Client, { emit, signal }: WatchContext) => {
        await untilAborted(signal)
        emit({ events: [rebooted] })
      },
    }
    const { agent } = agentOf(platform.url, { watchers: { events } }, { collect_interval: '1d' })
    await agent.start()
    await platform.until(() => platform.reports().length === 1)
    await agent.stop()
    expect(platform.reports()[1]?.data.events).toEqual([rebooted])
    expect(platform.violations).toEqual([])
  })

  test('drops the signals of a watcher that ignores the stop', async () => {
    let speak: WatchContext['emit'] = () => undefined
    const deaf = {
      watch: (_client: Client, { emit }: WatchContext): Promise<void> => {
        speak = emit
        return new Promise(() => undefined)
      },
    }
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { watchers: { deaf } }, { collect_interval: '1d' })
    await agent.start()
    await platform.until(() => platform.reports().length === 1)
    await vi.waitFor(() => expect(agent.status().outbox.reports).toBe(0), 20_000)
    await agent.stop({ timeout: '100ms' })
    const { outbox } = agent.status()
    const calls = platform.calls.length
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    speak({ events: [rebooted] })
    expect(vi.getTimerCount()).toBe(0)
    expect(agent.status().outbox).toEqual(outbox)
    expect(platform.calls).toHaveLength(calls)
  })

  test('records no failure for collectors that the stop interrupts', async () => {
    const asked = gate()
    const slow: Collector<Client> = {
      collect: (_client, { signal }) => {
        asked.open()
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      },
    }
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { collectors: { load, slow } }, { collect_interval: '1d' })
    await agent.start()
    await asked.promise
    await agent.stop()
    for (const { data, snapshot } of platform.reports()) {
      expect(data.gaps).toEqual([])
      expect(snapshot).toBeUndefined()
    }
    expect(platform.reports().flatMap(({ data }) => data.metrics)).toContainEqual(signals.load.point(1, host))
  })

  test('does not wait for a connection attempt', async () => {
    const asked = gate()
    const connect = (): Promise<Client> => {
      asked.open()
      return new Promise(() => undefined)
    }
    const platform = await startPlatform()
    const { agent, log } = agentOf(platform.url, { connect })
    const starting = agent.start()
    await asked.promise
    await agent.stop({ timeout: '1d' })
    await starting
    expect(platform.calls).toEqual([])
    expect(log.messages('error')).toEqual([])
  })

  test('ends at its timeout when the platform does not answer', async () => {
    const platform = await startPlatform(({ path }) => (path === AGENT_PATHS.data ? 'handled' : undefined))
    const { agent, log } = agentOf(platform.url, { collectors: { load } })
    await agent.start()
    await vi.waitFor(() => expect(agent.status().outbox.reports).toBeGreaterThan(0), 20_000)
    await agent.stop({ timeout: '100ms' })
    expect(log.messages('warn')).toContain('agent stopped before all reports were delivered')
  })

  test('closes its client if it was never started', async () => {
    const disconnect = vi.fn(async () => undefined)
    const { agent } = agentOf('http://127.0.0.1:9', { disconnect, collectors: { load } })
    await agent.collectMetrics()
    expect(agent.status()).toMatchObject({ state: 'idle', connected: true })
    await agent.stop()
    expect(disconnect).toHaveBeenCalledOnce()
  })
})

describe('an agent that cannot connect', () => {
  /** Fails so often, then succeeds. */
  function failing(times: number): { connect: () => Promise<Client>; heal: () => void } {
    let left = times
    return {
      connect: async () => {
        if (left > 0) {
          left -= 1
          throw new Error('the socket is not there')
        }
        return { name: 'x' }
      },
      heal: () => {
        left = 0
      },
    }
  }

  test('sends heartbeats under a provisional id, which its real id replaces', async () => {
    hurryRetries()
    const { connect, heal } = failing(Number.POSITIVE_INFINITY)
    const platform = await startPlatform()
    const { agent, log } = agentOf(platform.url, { connect, collectors: { load } })
    await agent.start()
    await platform.until(() => platform.heartbeats().length > 0)
    expect(platform.heartbeats()[0]).toMatchObject({
      agent_id: provisionalAgentId('example'),
      collectors: { connect: { ok: false, error: 'the socket is not there' } },
    })
    expect(agent.status().connected).toBe(false)
    heal()
    await platform.until(() => platform.heartbeats().some(({ agent_id }) => agent_id === AGENT_ID))
    const known = platform.heartbeats().find(({ agent_id }) => agent_id === AGENT_ID)
    expect(known).toMatchObject({ agent_name: 'web-1', replaces_agent_id: provisionalAgentId('example') })
    expect(known?.collectors).not.toHaveProperty('connect')
    await platform.until(() => platform.reports().length > 0)
    expect(platform.reports()[0]?.agent_id).toBe(AGENT_ID)
    expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'connecting failed, retrying', fields: { error: 'the socket is not there' } },
    ])
    expect(platform.violations).toEqual([])
  })

  test('uses the id that an earlier run saved', async () => {
    const stateDirectory = await temporaryDirectory()
    const platform = await startPlatform()
    const earlier = agentOf(platform.url, {}, {}, { stateDirectory }).agent
    await earlier.heartbeat()
    await earlier.stop()
    const { connect } = failing(Number.POSITIVE_INFINITY)
    expect(await agentOf(platform.url, { connect }, {}, { stateDirectory }).agent.heartbeat()).toBe(true)
    expect(platform.heartbeats().map(({ agent_id }) => agent_id)).toEqual([AGENT_ID, AGENT_ID])
    expect(platform.heartbeats()[1]).not.toHaveProperty('replaces_agent_id')
  })

  test('works without a writable state directory', async () => {
    const platform = await startPlatform()
    const { agent, log } = agentOf(platform.url, {}, {}, { stateDirectory: '/dev/null/state' })
    expect(await agent.heartbeat()).toBe(true)
    expect(log.messages('warn')[0]).toBe('state directory not writable: cursors do not outlive this run')
  })

  test('sends heartbeats while its connection attempt hangs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const platform = await startPlatform()
    const { agent } = agentOf(platform.url, { connect: () => new Promise(() => undefined) })
    const beating = agent.heartbeat()
    await vi.advanceTimersByTimeAsync(15_000)
    vi.useRealTimers()
    expect(await beating).toBe(true)
    expect(platform.heartbeats()[0]?.collectors).toMatchObject({
      connect: { ok: false, error: 'connecting to Example did not finish within 15 s' },
    })
  })

  test('sends a heartbeat before a slow connection is open', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const platform = await startPlatform()
    const { promise, resolve } = Promise.withResolvers<Client>()
    const { agent } = agentOf(platform.url, { connect: () => promise, collectors: { load } })
    const started = agent.start()
    await vi.advanceTimersByTimeAsync(2_000)
    vi.useRealTimers()
    await platform.until(() => platform.heartbeats().length > 0)
    expect(platform.heartbeats()[0]).toMatchObject({
      agent_id: provisionalAgentId('example'),
      collectors: { connect: { ok: false, error: 'connecting to Example: no answer yet' } },
    })
    resolve({ name: 'example' })
    await started
    await platform.until(() => platform.heartbeats().some(({ agent_id }) => agent_id === AGENT_ID))
    expect(platform.heartbeats().at(-1)).toMatchObject({ replaces_agent_id: provisionalAgentId('example') })
  })

  test('throws the connector’s error from `collectMetrics`', async () => {
    const { agent } = agentOf('http://127.0.0.1:9', { connect: failing(1).connect, collectors: { load } })
    await expect(agent.collectMetrics()).rejects.toThrow('the socket is not there')
    expect((await agent.collectMetrics()).data.gaps).toEqual([])
  })
})

describe('an agent that is not started', () => {
  async function platformAnd(parts: Partial<Connector<unknown, Client>> = {}): Promise<Setup & { platform: Platform }> {
    const platform = await startPlatform()
    return { platform, ...agentOf(platform.url, parts) }
  }

  test('collects, delivers and sends heartbeats', async () => {
    const { agent, platform } = await platformAnd({ collectors: { load } })
    const report = await agent.collectMetrics()
    expect(reportSchema.parse(report)).toMatchObject({ agent_type: 'example', agent_id: AGENT_ID, snapshot: true })
    expect(platform.calls).toEqual([])
    expect(await agent.sendData(report)).toBe(true)
    expect(await agent.sendData(report)).toBe(true)
    expect(platform.reports()).toEqual([report])
    expect(await agent.heartbeat()).toBe(true)
    expect(platform.violations).toEqual([])
  })

  test('delivers a large report in parts, which are stored once however often it is delivered', async () => {
    const large: Collector<Client> = {
      collect: async () => ({
        events: Array.from({ length: 50 }, () =>
          signals.rebooted.event({ at: new Date(), entity: host, body: 'x'.repeat(60_000) }),
        ),
        metrics: [signals.load.point(1, host)],
      }),
    }
    const { agent, platform } = await platformAnd({ collectors: { large } })
    const report = await agent.collectMetrics()
    for (let times = 0; times < 2; times += 1) expect(await agent.sendData(report)).toBe(true)
    const parts = platform.reports()
    expect(parts.map(({ part }) => part?.number)).toEqual([0, 1])
    expect(parts.map((part) => part.report_id)).toEqual(parts.map((part) => part.report_id).sort())
    expect(parts[0]?.report_id).toBe(report.report_id)
    expect(parts.flatMap(({ data }) => data.events)).toHaveLength(50)
    expect(platform.violations).toEqual([])
  })

  test('reports a failing collector as a gap', async () => {
    const disks: Collector<Client> = { collect: () => Promise.reject(new Error('no permission')) }
    const { agent } = await platformAnd({ collectors: { load, disks } })
    const { data, snapshot } = await agent.collectMetrics()
    expect(data.gaps).toMatchObject([{ scope: 'collector:disks', reason: 'no permission' }])
    expect(data.metrics).toContainEqual(signals.load.point(1, host))
    expect(snapshot).toBeUndefined()
  })

  test('returns false from `sendData` if the platform did not accept the report', async () => {
    const { agent, platform, log } = await platformAnd()
    const report = await agent.collectMetrics()
    platform.answer = () => problem(503, 'maintenance')
    expect(await agent.sendData(report)).toBe(false)
    expect(await agent.heartbeat()).toBe(false)
    expect(log.messages('warn')[0]).toBe('report not delivered')
    await platform.stop()
    expect(await agent.sendData(report)).toBe(false)
  })

  test.each([undefined, null, {}, 'report', { metrics: {}, timestamp: 'now' }])(
    'refuses %j as a report',
    async (value) => {
      const { agent } = await platformAnd()
      await expect(agent.sendData(value as unknown as Report)).rejects.toThrow(TypeError)
      await expect(agent.sendData(value as unknown as Report)).rejects.toThrow('as `collectMetrics` returns it')
    },
  )

  test('has the same id in every run', async () => {
    const { agent } = await platformAnd()
    const again = (await platformAnd()).agent
    const other = (await platformAnd({ identify: async () => ({ id: 'machine-2', name: '', entity: host }) })).agent
    expect((await again.collectMetrics()).agent_id).toBe((await agent.collectMetrics()).agent_id)
    expect((await other.collectMetrics()).agent_id).not.toBe(AGENT_ID)
  })

  test('throws `RCA_AGENT_STOPPED` from `collectMetrics` while it stops', async () => {
    const asked = gate()
    const slow: Collector<Client> = {
      collect: () => {
        asked.open()
        return new Promise(() => undefined)
      },
    }
    const { agent } = await platformAnd({ collectors: { slow } })
    const collecting = expect(agent.collectMetrics()).rejects.toMatchObject({ code: 'RCA_AGENT_STOPPED' })
    await asked.promise
    await agent.stop()
    await collecting
  })
})

describe('createAgent', () => {
  const connector = exampleConnector()
  const options = { connector, platformUrl: 'https://api.example.com', agentToken: TOKEN }

  test('opens nothing', () => {
    const connect = vi.fn(async () => ({ name: 'x' }))
    createAgent({ ...options, connector: exampleConnector({ connect }) })
    expect(connect).not.toHaveBeenCalled()
  })

  test('knows the options of its connector at compile time', () => {
    const definition = { ...exampleConnector() }
    const typed = defineConnector({
      ...definition,
      config: z.object({ socket: z.string().default('/run/docker.sock') }),
    })
    createAgent({ ...options, connector: typed, config: { socket: '/run/podman.sock', retry_count: '3' } })
    // @ts-expect-error an unknown option does not compile
    expect(() => createAgent({ ...options, connector: typed, config: { sokcet: '' } })).toThrow(
      'Did you mean `socket`?',
    )
  })

  test('validates its options', () => {
    expect(() => createAgent({ ...options, connector: {} as Connector })).toThrow(ConnectorError)
    expect(() => createAgent({ ...options, platformUrl: 'api.example.com' })).toThrow(PlatformUrlError)
    expect(() => createAgent({ ...options, agentToken: '' })).toThrow(AgentTokenError)
    expect(() => createAgent({ ...options, config: { colour: 'red' } })).toThrow(ConfigError)
  })

  test('returns the command that deploys it', () => {
    const agent = createAgent(options)
    expect(agent.getDeploymentCommand()).toBe('run-agent')
    expect(agent.deployment()).toMatchObject({ command: 'run-agent', instructions: '1. Run: run-agent' })
    expect(createAgent({ ...options, config: { log_level: 'debug' } }).agentType).toBe('example')
  })

  test.each([
    ['http://api.one.example.com', 1],
    ['https://api.two.example.com', 0],
    ['http://127.0.0.1:3000', 0],
  ])('warns about an unencrypted connection to %s %i times', (platformUrl, times) => {
    const logger = recordingLogger()
    createAgent({ ...options, platformUrl, logger })
    createAgent({ ...options, platformUrl, logger })
    expect(logger.messages('warn')).toHaveLength(times)
  })
})

describe('an agent that enrols', () => {
  test('keeps its key in the store of the connector rather than in the state directory', async () => {
    const stateDirectory = await temporaryDirectory()
    const key = `agentkey_${'k'.repeat(43)}`
    const platform = await startPlatform(({ path }) =>
      path === AGENT_PATHS.enroll
        ? { status: 201, body: { agent_key: key, expires_at: '2026-12-22T12:00:00.000Z' } }
        : undefined,
    )
    const stored = new Map<string, string>()
    const keyStore = () => ({
      read: async (name: string) => stored.get(name),
      write: async (name: string, text: string) => void stored.set(name, text),
    })
    const first = agentOf(platform.url, { keyStore }, {}, { stateDirectory }).agent
    expect(await first.heartbeat()).toBe(true)
    expect(first.status().enrolled).toBe(true)
    expect([...stored.keys()]).toEqual([`key-${AGENT_ID}`])
    expect(await readdir(join(stateDirectory, 'example'))).not.toContain(`key-${AGENT_ID}`)
    await first.stop()
    // Another replica, with an empty state directory.
    const second = agentOf(platform.url, { keyStore }, {}, {}).agent
    expect(await second.heartbeat()).toBe(true)
    expect(platform.calls.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      [AGENT_PATHS.enroll, `Bearer ${TOKEN}`],
      [AGENT_PATHS.heartbeat, `Bearer ${key}`],
      [AGENT_PATHS.heartbeat, `Bearer ${key}`],
    ])
  })
})
