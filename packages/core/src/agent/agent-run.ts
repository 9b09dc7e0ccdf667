import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Backoff, fullJitter } from '../backoff.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { Connector } from '../connector.ts'
import { createMemoryOutbox, type Outbox } from '../delivery/outbox.ts'
import type { Redactor } from '../delivery/redaction.ts'
import { createSender, type Sender } from '../delivery/sender.ts'
import { toMilliseconds } from '../duration.ts'
import { RcaError } from '../errors/rca-error.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import type { CollectorStatus, Report } from '../platform/protocol.ts'
import type { StateStore } from '../state/state-store.ts'
import type { AgentStatus } from './agent.ts'
import { agentIdOf, provisionalAgentId } from './agent-id.ts'
import { createSignalCheck } from './check-signals.ts'
import { type Collection, createCollection, reasonOf } from './collection.ts'
import { type Connection, createConnection } from './connection.ts'
import { createHeart, type Heart, outboxStatus } from './heartbeat.ts'
import { createReporting, type Reporter, type Reporting } from './reporting.ts'
import { createRounds } from './rounds.ts'
import { repeat } from './schedule.ts'
import { createWatching, type Watching } from './watching.ts'

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

/** What exists once the connector's client is open. */
interface Open {
  readonly reporter: Reporter
  readonly name: string
  readonly collection: Collection
  readonly watching: Watching
}

/** One life of an agent: from idle through running to stopped. */
export class AgentRun<Config, Client> {
  readonly #options: AgentRunOptions<Config, Client>
  readonly #connection: Connection<Client>
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #reporting: Reporting
  readonly #heart: Heart
  readonly #stopping = new AbortController()
  readonly #startedAt = new Date()
  #loops: Promise<unknown>[] = []
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #opening: Promise<Open> | undefined
  #open: Open | undefined
  #connectError: CollectorStatus | undefined
  /** The id saved by an earlier run, or a provisional one, while the client has never been open. */
  #fallback: { readonly id: string; readonly provisional: boolean } | undefined
  #replaces: string | undefined

  constructor(options: AgentRunOptions<Config, Client>) {
    const { connector, config, runtime, log, client, agentVersion } = options
    this.#options = options
    this.#connection = createConnection({ connector, config, log, now: this.#now })
    this.#outbox = createMemoryOutbox(runtime.max_queue_size * 1024 * 1024)
    this.#sender = createSender({ client, outbox: this.#outbox, maxBatchSize: runtime.max_batch_size, log })
    this.#reporting = createReporting({
      connector: connector as Connector,
      agentVersion,
      now: this.#now,
      outboxState: () => this.#outbox.state(),
    })
    this.#heart = createHeart({ client, runtime, log, describe: () => this.#describe() })
  }

  /** Every collector once, in a report that stands alone. */
  async collect(): Promise<Report> {
    const { collection, reporter } = await this.#openOnce()
    const runs = await Promise.all(Object.keys(this.#options.connector.collectors).map((name) => collection.run(name)))
    return JSON.parse(this.#options.redactor.report(this.#reporting.alone(reporter, runs, collection))) as Report
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
    if (this.#open === undefined) await this.#tryOpen()
    return this.#heart.beat(this.#stopping.signal)
  }

  start(): Promise<void> {
    if (this.#stopped !== undefined)
      return Promise.reject(
        new RcaError(
          'RCA_AGENT_STOPPED',
          'This agent was stopped and does not start again. Make a new one with `createAgent`',
        ),
      )
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
      connected: this.#open !== undefined,
      platformReachable: this.#heart.heard(),
      collectors: this.#statuses(),
      outbox: outboxStatus(this.#outbox.state()),
    }
  }

  readonly #now = (): Date => new Date()

  async #start(): Promise<void> {
    const { signal } = this.#stopping
    await this.#tryOpen()
    if (signal.aborted) return
    this.#loops = [
      repeat(
        { interval: () => this.#heart.interval(), task: () => this.#heart.beat(signal).then(() => undefined) },
        signal,
      ),
      this.#sender.run(signal),
      this.#work(signal),
    ]
  }

  /** Opens the client, however often it takes, then collects and watches. */
  async #work(signal: AbortSignal): Promise<void> {
    for (let failures = 1; this.#open === undefined && !signal.aborted; failures += 1) {
      await sleep(fullJitter(failures, RECONNECT), undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      if (await this.#tryOpen()) void this.#heart.beat(signal)
    }
    const open = this.#open
    if (open === undefined) return
    const rounds = createRounds({
      collectors: Object.keys(this.#options.connector.collectors),
      interval: toMilliseconds(this.#options.runtime.collect_interval),
      collection: open.collection,
      reporting: this.#reporting,
      report: () => this.#report(open),
    })
    this.#watched = rounds.hurry
    await Promise.all([rounds.run(signal), open.watching.run(signal)])
  }

  /** Set once rounds run: a watcher saw something. */
  #watched: () => void = () => undefined

  #report(open: Open): void {
    const gaps = [...open.collection.gaps(), ...open.watching.gaps()]
    const report = this.#reporting.next(open.reporter, open.collection, gaps)
    const json = this.#options.redactor.report(report)
    const givenUp = this.#outbox.add({
      id: report.report_id,
      json,
      bytes: Buffer.byteLength(json),
      at: report.timestamp,
      hasEvents: report.data.events.length > 0,
    })
    if (givenUp > 0) {
      this.#reporting.forget()
      this.#options.log.warn(
        { given_up: givenUp, dropped: this.#outbox.state().dropped },
        'the queue is full: the oldest reports without events were given up. `max_queue_size` is its bound in MiB',
      )
    }
    this.#sender.wake()
  }

  async #stop(deadline: number): Promise<void> {
    const deadlineAt = performance.now() + deadline
    await Promise.race([this.#starting, sleep(deadline, undefined, { ref: false })])
    const pending =
      this.#open !== undefined && this.#loops.length > 0 && this.#reporting.hasWatched() ? this.#open : undefined
    this.#stopping.abort(new RcaError('RCA_AGENT_STOPPED', 'the agent was stopped'))
    await Promise.race([Promise.allSettled(this.#loops), sleep(deadline / 2, undefined, { ref: false })])
    if (pending !== undefined) this.#report(pending)
    if (this.#outbox.state().reports > 0) {
      const delivered = await this.#sender.flush(
        AbortSignal.timeout(Math.max(1, Math.round(deadlineAt - performance.now()))),
      )
      if (!delivered)
        this.#options.log.warn(
          { reports: this.#outbox.state().reports },
          'the agent stopped before everything was delivered',
        )
    }
    await this.#connection.close()
  }

  async #tryOpen(): Promise<boolean> {
    try {
      await this.#openOnce()
      return true
    } catch (error) {
      const reason = this.#options.redactor.text(reasonOf(error)).slice(0, 2000)
      if (this.#connectError?.error !== reason && !this.#stopping.signal.aborted) {
        this.#options.log.error(
          {},
          `${this.#options.connector.title} cannot be read yet, the agent goes on trying: ${reason}`,
        )
      }
      this.#connectError = { ok: false, duration_ms: 0, error: reason }
      this.#fallback ??= await this.#findFallback()
      return false
    }
  }

  #openOnce(): Promise<Open> {
    this.#opening ??= this.#openNow().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #openNow(): Promise<Open> {
    const { connector, redactor, state, log } = this.#options
    const { client, identity } = await this.#connection.open(this.#stopping.signal)
    const agentId = agentIdOf(connector.type, identity.id)
    const shared = {
      connector: connector as unknown as Connector<unknown, Client>,
      client,
      check: createSignalCheck(connector.signals),
      redact: redactor.text,
      now: this.#now,
    }
    const open: Open = {
      reporter: { agentId, observes: identity.entity },
      name: redactor.text(identity.name),
      collection: createCollection({ ...shared, signal: this.#stopping.signal }),
      watching: createWatching({
        ...shared,
        state,
        log,
        emit: (signals) => {
          this.#reporting.addWatched(signals)
          this.#watched()
        },
      }),
    }
    if (this.#fallback?.provisional === true) this.#replaces = this.#fallback.id
    await state
      .write('agent-id', agentId)
      .catch((error: unknown) =>
        log.warn({}, `the state directory cannot be written, cursors do not outlive this run: ${reasonOf(error)}`),
      )
    this.#connectError = undefined
    this.#open = open
    return open
  }

  async #findFallback(): Promise<{ readonly id: string; readonly provisional: boolean }> {
    const saved = await this.#options.state.read('agent-id').catch(() => undefined)
    return saved === undefined
      ? { id: provisionalAgentId(this.#options.connector.type), provisional: true }
      : { id: saved, provisional: false }
  }

  #statuses(): Record<string, CollectorStatus> {
    return {
      ...(this.#connectError === undefined ? {} : { connect: this.#connectError }),
      ...this.#open?.collection.statuses(),
      ...this.#open?.watching.statuses(),
    }
  }

  #describe(): ReturnType<Parameters<typeof createHeart>[0]['describe']> {
    const { connector, agentVersion } = this.#options
    return {
      agentId: this.#open?.reporter.agentId ?? this.#fallback?.id ?? provisionalAgentId(connector.type),
      agentType: connector.type,
      agentVersion,
      agentName: this.#open?.name,
      startedAt: this.#startedAt,
      replaces: this.#replaces,
      collectors: this.#statuses(),
      outbox: this.#outbox.state(),
    }
  }
}
