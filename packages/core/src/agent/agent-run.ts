import { setMaxListeners } from 'node:events'
import { type Backoff, fullJitter } from '../backoff.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { Connector } from '../connector.ts'
import { createMemoryOutbox, type Outbox } from '../delivery/outbox.ts'
import type { Redactor } from '../delivery/redaction.ts'
import { createSender, type Sender } from '../delivery/sender.ts'
import { toMilliseconds } from '../duration.ts'
import { RcaError } from '../errors/rca-error.ts'
import type { Logger } from '../logger.ts'
import { LONGEST_TIMER, pause, settled } from '../pause.ts'
import type { PlatformClient } from '../platform/client.ts'
import type { CollectorStatus, Report } from '../platform/protocol.ts'
import { reasonOf } from '../reason.ts'
import type { StateStore } from '../state/state-store.ts'
import type { AgentStatus } from './agent.ts'
import { createHeart, type Heart, type HeartbeatDescription, outboxStatus } from './heartbeat.ts'
import { createOpening, type Opening } from './opening.ts'
import { createReportQueue, type ReportQueue } from './report-queue.ts'
import { createReporting, type Reporting } from './reporting.ts'
import { createRounds } from './rounds.ts'
import { repeat } from './schedule.ts'

const RECONNECT: Backoff = { base: 1_000, cap: 60_000 }

export interface AgentRunOptions<Config, Client> {
  readonly connector: Connector<Config, Client>
  readonly config: Config
  readonly runtime: RuntimeConfig
  readonly agentVersion: string
  readonly redactor: Redactor
  readonly log: Logger
  readonly state: StateStore
  readonly client: PlatformClient
}

/** One life of an agent: from idle through running to stopped. */
export class AgentRun<Config, Client> {
  readonly #options: AgentRunOptions<Config, Client>
  readonly #opening: Opening
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #reporting: Reporting
  readonly #heart: Heart
  readonly #queue: ReportQueue
  readonly #stopping = new AbortController()
  readonly #startedAt = new Date()
  #loops: Promise<unknown>[] = []
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  /** The last report is made: what a watcher says now comes too late. */
  #closed = false
  /** Set once rounds run: a watcher saw something. */
  #hurry: () => void = () => undefined

  constructor(options: AgentRunOptions<Config, Client>) {
    const { connector, runtime, log, client, agentVersion } = options
    const now = (): Date => new Date()
    // Every running collector listens to it, which is no leak: Node would warn from eleven on.
    setMaxListeners(0, this.#stopping.signal)
    this.#options = options
    this.#outbox = createMemoryOutbox(runtime.max_queue_size * 1024 * 1024)
    this.#reporting = createReporting({
      connector: connector as Connector,
      agentVersion,
      now,
      outboxState: () => this.#outbox.state(),
    })
    this.#sender = createSender({
      client,
      outbox: this.#outbox,
      maxBatchSize: runtime.max_batch_size,
      log,
      onGivenUp: () => this.#reporting.forget(),
    })
    this.#queue = createReportQueue({
      reporting: this.#reporting,
      outbox: this.#outbox,
      sender: this.#sender,
      ...options,
    })
    this.#opening = createOpening({
      ...options,
      now,
      signal: this.#stopping.signal,
      emit: (signals) => {
        if (this.#closed) return
        this.#reporting.addWatched(signals)
        this.#hurry()
      },
    })
    this.#heart = createHeart({ client, runtime, log, describe: () => this.#describe() })
  }

  /** Every collector once, in a report that stands alone. */
  async collect(): Promise<Report> {
    const { signal } = this.#stopping
    signal.throwIfAborted()
    const { collection, reporter } = await this.#opening.open()
    const runs = await Promise.all(Object.keys(this.#options.connector.collectors).map((name) => collection.run(name)))
    // Runs that stopping cut short would read as health.
    signal.throwIfAborted()
    return this.#options.redactor.clean(this.#reporting.alone(reporter, runs, collection))
  }

  async send(report: Report): Promise<boolean> {
    try {
      await this.#options.client.sendReports([this.#options.redactor.report(report)], this.#stopping.signal)
      return true
    } catch (error) {
      this.#options.log.warn({ report_id: report.report_id }, `a report was not delivered: ${reasonOf(error)}`)
      return false
    }
  }

  async heartbeat(): Promise<boolean> {
    if (this.#stopping.signal.aborted) return false
    if (this.#opening.current() === undefined) await this.#opening.tryOpen()
    return this.#heart.beat(this.#stopping.signal)
  }

  start(): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(stopped('was stopped and does not start again'))
    this.#starting ??= this.#start()
    return this.#starting
  }

  stop(deadline: number): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  status(): AgentStatus {
    return {
      state: this.#stopped !== undefined ? 'stopped' : this.#starting !== undefined ? 'running' : 'idle',
      connected: this.#opening.current() !== undefined,
      platformReachable: this.#heart.heard(),
      collectors: this.#statuses(),
      outbox: outboxStatus(this.#outbox.state()),
    }
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping
    await this.#opening.tryOpen()
    if (signal.aborted) return
    const beat = (): Promise<void> => this.#heart.beat(signal).then(() => undefined)
    this.#loops = [
      repeat({ interval: () => this.#heart.interval(), task: beat }, signal),
      this.#sender.run(signal),
      this.#work(signal),
    ].map((loop) =>
      loop.catch((error: unknown) => {
        this.#options.log.error({}, `a part of the agent has ended, start it again: ${reasonOf(error)}`)
      }),
    )
  }

  /** Opens the client, however often it takes, then collects and watches. */
  async #work(signal: AbortSignal): Promise<void> {
    for (let failures = 1; this.#opening.current() === undefined && !signal.aborted; failures += 1) {
      await pause(fullJitter(failures, RECONNECT), signal)
      if (signal.aborted) return
      if (await this.#opening.tryOpen()) void this.#heart.beat(signal)
    }
    const open = this.#opening.current()
    if (open === undefined) return
    const collectors = Object.entries(this.#options.connector.collectors)
    const rounds = createRounds({
      collectors: new Map(
        collectors.map(([name, { every }]) => [name, every === undefined ? undefined : toMilliseconds(every)]),
      ),
      interval: toMilliseconds(this.#options.runtime.collect_interval),
      collection: open.collection,
      reporting: this.#reporting,
      report: () => {
        this.#queue.add(open)
        void this.#heart.beatOnChange(signal)
      },
    })
    this.#hurry = rounds.hurry
    await Promise.all([rounds.run(signal), open.watching.run(signal)])
  }

  async #stop(deadline: number): Promise<void> {
    const deadlineAt = performance.now() + deadline
    const left = (): number => Math.min(LONGEST_TIMER, Math.max(1, Math.round(deadlineAt - performance.now())))
    const open = this.#opening.current()
    this.#stopping.abort(stopped('was stopped'))
    await settled(this.#starting, left())
    // Half of the time for what is running to end, the rest for delivery.
    await settled(Promise.all(this.#loops), left() / 2)
    this.#closed = true
    if (open !== undefined && this.#reporting.hasNews()) this.#queue.add(open)
    await this.#flush(left())
    await this.#opening.close(left())
  }

  async #flush(milliseconds: number): Promise<void> {
    if (this.#outbox.state().reports === 0) return
    const delivered = await this.#sender.flush(AbortSignal.timeout(milliseconds))
    if (delivered) return
    const { reports } = this.#outbox.state()
    this.#options.log.warn({ reports }, 'the agent stopped before everything was delivered')
  }

  #statuses(): Record<string, CollectorStatus> {
    const failure = this.#opening.failure()
    const open = this.#opening.current()
    return {
      ...(failure === undefined ? {} : { connect: failure }),
      ...open?.collection.statuses(),
      ...open?.watching.statuses(),
    }
  }

  #describe(): HeartbeatDescription {
    const { connector, agentVersion } = this.#options
    const name = this.#opening.current()?.name
    const replaces = this.#opening.replaces()
    return {
      agent_id: this.#opening.agentId(),
      agent_type: connector.type,
      agent_version: agentVersion,
      ...(name === undefined ? {} : { agent_name: name }),
      started_at: this.#startedAt.toISOString(),
      ...(replaces === undefined ? {} : { replaces_agent_id: replaces }),
      collectors: this.#statuses(),
      outbox: outboxStatus(this.#outbox.state()),
    }
  }
}

function stopped(problem: string): RcaError {
  return new RcaError('RCA_AGENT_STOPPED', `This agent ${problem}. Make a new one with \`createAgent\``)
}
