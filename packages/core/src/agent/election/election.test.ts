import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Client, exampleConnector, host, signals } from '../../../test/example-connector.ts'
import { gate } from '../../../test/gate.ts'
import { type Platform, startPlatform } from '../../../test/platform.ts'
import { recordingLogger } from '../../../test/recording-logger.ts'
import { temporaryDirectory } from '../../../test/temporary-directory.ts'
import type { Collector, Connector, StreamingCollector, WatchContext } from '../../connector/connector.ts'
import type { Election, ElectionContext } from '../../connector/election.ts'
import { AGENT_PATHS } from '../../platform/protocol.ts'
import { type Agent, createAgent } from '../agent.ts'

/** An election that the test controls. */
interface ControlledElection extends Election<Client> {
  /** The contexts of the runs so far. */
  readonly runs: readonly ElectionContext[]
  /** The context of the last run. */
  readonly context: ElectionContext
  fail(reason: string): void
}

function controlledElection(): ControlledElection {
  const runs: ElectionContext[] = []
  let end = gate()
  return {
    runs,
    get context() {
      const context = runs.at(-1)
      if (context === undefined) throw new Error('the election has not begun')
      return context
    },
    fail: (reason) => end.break(new Error(reason)),
    run: (_client, context) => {
      runs.push(context)
      end = gate()
      context.signal.addEventListener('abort', () => end.open())
      return end.promise
    },
  }
}

interface Setup {
  readonly agent: Agent
  readonly election: ControlledElection
  readonly platform: Platform
  readonly log: ReturnType<typeof recordingLogger>
  /** Emits an event with this id, as a watcher would. */
  readonly emit: (id: string) => void
  /** Returns the number of the collector's runs. */
  readonly collected: () => number
}

async function elected(
  parts: Partial<Connector<unknown, Client>> = {},
  options: { readonly stateDirectory?: string } = {},
): Promise<Setup> {
  const platform = await startPlatform()
  const election = controlledElection()
  const log = recordingLogger()
  let watching: WatchContext | undefined
  let runs = 0
  const agent = createAgent({
    connector: exampleConnector({
      election,
      collectors: {
        load: {
          collect: async () => {
            runs += 1
            return { entities: [signals.host.entity(host)], metrics: [signals.load.point(1, host)] }
          },
        },
      },
      watchers: {
        reboots: {
          watch: (_client, context) => {
            watching = context
            return new Promise((resolve) => context.signal.addEventListener('abort', () => resolve()))
          },
        },
      },
      ...parts,
    }),
    platformUrl: platform.url,
    agentToken: 'agent_prod_4f2a9c',
    logger: log,
    config: { collect_interval: '50ms', retry_count: 0 },
    ...options,
  })
  onTestFinished(() => agent.stop({ timeout: '1s' }))
  await agent.start()
  const isRun = parts.election === undefined && parts.connect === undefined
  if (isRun) await expect.poll(() => election.runs.length, { timeout: 20_000 }).toBe(1)
  const emit = (id: string): void =>
    watching?.emit({ events: [signals.rebooted.event({ id, at: new Date(), entity: host, body: 'Restarted.' })] })
  return { agent, election, platform, log, emit, collected: () => runs }
}

function eventIds(platform: Platform): (string | undefined)[] {
  return platform.reports().flatMap(({ data }) => data.events.map(({ id }) => id))
}

/** Counts the reports that have arrived or are queued. */
function reportsSoFar(agent: Agent, platform: Platform): number {
  return platform.reports().length + agent.status().outbox.reports
}

/** Waits for some collection cycles. */
const cycles = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50 * count))

describe('an agent with an election', () => {
  test('watches and sends heartbeats as a standby, but reports nothing', async () => {
    const { agent, platform, election, emit, collected } = await elected()
    await platform.until(() => platform.heartbeats().length > 0)
    emit('a')
    await cycles(5)
    expect(platform.reports()).toEqual([])
    expect(collected()).toBe(0)
    expect(agent.status()).toMatchObject({ role: 'standby', collectors: { reboots: { ok: true } } })
    expect(platform.heartbeats()[0]).toMatchObject({ role: 'standby', instance_id: election.context.instanceId })
    expect(platform.heartbeats()[0]).not.toHaveProperty('lead_id')
    await agent.stop()
    expect(platform.reports()).toEqual([])
    expect(election.context.signal.aborted).toBe(true)
    expect(platform.violations).toEqual([])
  })

  test('announces its leadership, reports buffered events, then a full snapshot', async () => {
    const { agent, platform, election, emit } = await elected()
    await platform.until(() => platform.heartbeats().length > 0)
    emit('a')
    emit('b')
    election.context.promote()
    election.context.promote()
    expect(agent.status().role).toBe('leader')
    await platform.until(() => platform.reports().some(({ snapshot }) => snapshot === true))
    const order = platform.calls.map(({ path }) => path)
    expect(order.slice(0, 2)).toEqual([AGENT_PATHS.heartbeat, AGENT_PATHS.heartbeat])
    const [first, ...others] = platform.reports()
    expect(first?.data.events.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(first).not.toHaveProperty('snapshot')
    expect(others.find(({ snapshot }) => snapshot === true)?.data.entities).toContainEqual(signals.host.entity(host))
    const leads = new Set(platform.reports().map((report) => report.lead_id))
    expect(leads).toEqual(new Set([platform.heartbeats()[1]?.lead_id]))
    expect(platform.heartbeats()[1]).toMatchObject({ role: 'leader', lead_id: expect.any(String) })
  })

  test('stops collecting as a standby, and starts from scratch when it leads again', async () => {
    const { agent, platform, election, emit, collected } = await elected()
    election.context.promote()
    await platform.until(() => platform.reports().some(({ snapshot }) => snapshot === true))
    election.context.demote()
    const before = { runs: collected(), reports: reportsSoFar(agent, platform) }
    expect(agent.status().role).toBe('standby')
    expect(agent.status().collectors).not.toHaveProperty('load')
    await platform.until(() => platform.heartbeats().at(-1)?.role === 'standby')
    emit('a')
    await cycles(5)
    expect(collected()).toBe(before.runs)
    // A report that was being built may still arrive.
    expect(platform.reports().length).toBeLessThanOrEqual(before.reports + 1)
    expect(eventIds(platform)).toEqual([])
    election.context.promote()
    await platform.until(() => new Set(platform.reports().map((report) => report.lead_id)).size === 2)
    await platform.until(() => {
      const lead = platform.heartbeats().at(-1)?.lead_id
      return platform.reports().some((report) => report.lead_id === lead && report.snapshot === true)
    })
    expect(eventIds(platform)).toEqual(['a'])
  })

  test('drops the result of a collector that ended after the leadership was lost', async () => {
    const slow = gate()
    const collect: StreamingCollector<Client>['collect'] = async function* () {
      await slow.promise
      yield { metrics: [signals.load.point(7, host)] }
    }
    const plain: Collector<Client> = {
      collect: () => slow.promise.then(() => ({ metrics: [signals.load.point(7, host)] })),
    }
    const { agent, platform, election } = await elected({ collectors: { slow: { collect }, plain } })
    election.context.promote()
    await platform.until(() => platform.reports().length > 0)
    election.context.demote()
    const reports = reportsSoFar(agent, platform)
    slow.open()
    await cycles(4)
    expect(platform.reports().length).toBeLessThanOrEqual(reports + 1)
    expect(platform.reports().flatMap(({ data }) => data.metrics)).not.toContainEqual(signals.load.point(7, host))
  })

  test('drops the result of a collector that started in an earlier term', async () => {
    const slow = gate()
    const seen: number[] = []
    const runs: number[] = []
    const collect: StreamingCollector<Client>['collect'] = async function* () {
      const value = seen.push(0)
      if (value === 1) await slow.promise
      yield { metrics: [signals.load.point(value, host)] }
    }
    const plain: Collector<Client> = {
      collect: async () => {
        const value = runs.push(0)
        if (value === 1) await slow.promise
        return { metrics: [signals.load.point(10 * value, host)] }
      },
    }
    const { platform, election } = await elected({ collectors: { slow: { collect }, plain } })
    election.context.promote()
    await platform.until(() => platform.reports().length > 0)
    election.context.demote()
    election.context.promote()
    await platform.until(() => new Set(platform.reports().map((report) => report.lead_id)).size === 2)
    slow.open()
    const loads = (): number[] => {
      const metrics = platform.reports().flatMap(({ data }) => data.metrics)
      return metrics.filter(({ name }) => name === signals.load.name).map(({ value }) => value)
    }
    await platform.until(() => loads().includes(30))
    expect(loads()).not.toContain(1)
    expect(loads()).not.toContain(10)
    expect(loads()).toEqual(expect.arrayContaining([2, 20, 3]))
  })

  test('shows a failed election and restarts it, until it is won', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.01)
    onTestFinished(() => random.mockRestore())
    const { agent, platform, election, log } = await elected()
    const [first] = election.runs
    first?.promote()
    election.fail('no such lease')
    await platform.until(() => platform.heartbeats().at(-1)?.collectors.election !== undefined)
    expect(platform.heartbeats().at(-1)).toMatchObject({
      role: 'standby',
      collectors: { election: { ok: false, error: 'no such lease' } },
    })
    expect(agent.status().collectors.election).toEqual({ ok: false, error: 'no such lease' })
    expect(log.lines).toContainEqual({
      level: 'warn',
      message: 'election failed, restarting',
      fields: { restart_in_ms: expect.any(Number), error: 'no such lease' },
    })
    await vi.waitFor(() => expect(election.runs).toHaveLength(2), 20_000)
    // The run that failed has nothing more to emit.
    first?.promote()
    expect(agent.status().role).toBe('standby')
    election.context.promote()
    await platform.until(() => platform.heartbeats().at(-1)?.role === 'leader')
    expect(platform.heartbeats().at(-1)?.collectors).not.toHaveProperty('election')
    expect(agent.status().collectors).not.toHaveProperty('election')
  })

  test('restarts an election that ends by itself', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.01)
    onTestFinished(() => random.mockRestore())
    const run = vi.fn(async () => undefined)
    const { agent } = await elected({ election: { run } })
    await vi.waitFor(() => expect(run.mock.calls.length).toBeGreaterThan(1), 20_000)
    expect(agent.status().collectors.election).toMatchObject({ error: 'it ended by itself' })
  })

  test('delivers, then resigns, then closes its client when a leader stops', async () => {
    const history: string[] = []
    const disconnect = async () => void history.push('disconnect')
    const { agent, platform, election, emit } = await elected({ disconnect })
    election.context.signal.addEventListener('abort', () => history.push(`resign ${eventIds(platform).join()}`))
    election.context.promote()
    await platform.until(() => platform.reports().length > 0)
    emit('last')
    await agent.stop()
    expect(history).toEqual(['resign last', 'disconnect'])
    await expect(election.context.sleep('1s')).rejects.toThrow()
  })

  test('reserves time to resign even if the platform is unreachable', async () => {
    const history: string[] = []
    const run = async (_client: Client, { signal, promote }: ElectionContext): Promise<void> => {
      promote()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await cycles(1)
      history.push('resigned')
    }
    const disconnect = async () => void history.push('disconnect')
    const { agent, platform, emit } = await elected({ election: { run }, disconnect })
    await platform.until(() => platform.reports().length > 0)
    platform.answer = () => 'handled'
    emit('last')
    await agent.stop({ timeout: '3s' })
    expect(history).toEqual(['resigned', 'disconnect'])
  })

  test('collects once without taking part', async () => {
    const platform = await startPlatform()
    const agent = createAgent({
      connector: exampleConnector({
        election: controlledElection(),
        collectors: { load: { collect: async () => ({}) } },
      }),
      platformUrl: platform.url,
      agentToken: 'token',
    })
    onTestFinished(() => agent.stop())
    expect(await agent.collectMetrics()).toMatchObject({ snapshot: true })
    await agent.heartbeat()
    expect(platform.heartbeats()[0]).not.toHaveProperty('role')
    expect(platform.heartbeats()[0]?.collectors).toHaveProperty('load')
  })

  test('sends heartbeats under a provisional id, without a role, while it cannot connect', async () => {
    const connect = async () => {
      throw new Error('locked')
    }
    const { platform } = await elected({ connect })
    await platform.until(() => platform.heartbeats().length > 0)
    expect(platform.heartbeats()[0]).not.toHaveProperty('role')
    const stateDirectory = await temporaryDirectory()
    const first = await elected({}, { stateDirectory })
    await first.agent.stop()
    const second = await elected({ connect }, { stateDirectory })
    await second.platform.until(() => second.platform.heartbeats().length > 0)
    expect(second.platform.heartbeats()[0]).toMatchObject({
      agent_id: expect.any(String),
      role: 'standby',
      collectors: { connect: { ok: false } },
    })
  })
})
