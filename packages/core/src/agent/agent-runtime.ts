import { setMaxListeners } from 'node:events'
import { type Backoff, fullJitter } from '../backoff.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { Connector } from '../connector/connector.ts'
import { createMemoryOutbox, type Outbox } from '../delivery/outbox.ts'
import type { Redactor } from '../delivery/redaction.ts'
import { createSender, type Sender } from '../delivery/sender.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { RcaError } from '../errors/rca-error.ts'
import { runInTimeSlices } from '../event-loop.ts'
import type { KeyedHash } from '../keyed-hash.ts'
import type { Logger } from '../logger.ts'
import type { PlatformClient } from '../platform/client.ts'
import type { Report } from '../platform/protocol.ts'
import { toReportBody } from '../platform/report-body.ts'
import type { StateStore } from '../state/state-store.ts'
import { MAX_TIMER_MS, repeat, settleWithin, sleep } from '../timers.ts'
import type { AgentStatus } from './agent.ts'
import { type AgentParts, describeAgent, roleOf, statusesOf } from './agent-status.ts'
import { newInstanceId } from './election/election-runner.ts'
import { createHeart, type Heart, outboxStatus } from './heartbeat.ts'
import { createServing, type Serving } from './leader-loop.ts'
import { createReporting, type Reporting } from './report/report-builder.ts'
import { splitReport } from './report/report-splitter.ts'
import { createReportQueue, type ReportQueue } from './report-queue.ts'
import { createOpening, type Opening } from './session.ts'

/** Most time that is kept for leaving an election when the agent stops, in milliseconds. */
const RESIGNING = 1_000

const RECONNECT_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 60_000 }

export interface AgentRunOptions<Config, Client> {
  readonly connector: Connector<Config, Client>
  readonly config: Config
  readonly runtime: RuntimeConfig
  readonly agentVersion: string
  readonly redactor: Redactor
  readonly log: Logger
  readonly state: StateStore
  /** Reads the key of keyed hashes. Never rejects. */
  readonly openKeyedHash: () => Promise<KeyedHash>
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
  readonly #serving: Serving
  readonly #stopping = new AbortController()
  readonly #startedAt = new Date()
  readonly #instanceId = newInstanceId()
  #loops: Promise<unknown>[] = []
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  /** The last report is made: what a watcher says now comes too late. */
  #closed = false

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
      write: options.redactor.write,
      leadId: () => this.#serving.leadId(),
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
        this.#serving.hurry()
      },
      instanceId: this.#instanceId,
      onElection: () => {
        const open = this.#opening.current()
        if (open !== undefined) this.#serving.onElection(open)
      },
    })
    this.#heart = createHeart({ client, runtime, log, describe: () => describeAgent(this.#parts) })
    this.#serving = createServing({
      connector: connector as Connector,
      runtime,
      reporting: this.#reporting,
      queue: this.#queue,
      heart: this.#heart,
      log,
      signal: this.#stopping.signal,
    })
  }

  /** Every collector once, in a report that stands alone. */
  async collect(): Promise<Report> {
    const { signal } = this.#stopping
    signal.throwIfAborted()
    const { collection, reporter } = await this.#opening.open()
    const names = Object.keys(this.#options.connector.collectors)
    const runs = await Promise.all(names.map((name) => collection.runAlone(name)))
    // Runs that stopping cut short would read as health.
    signal.throwIfAborted()
    return this.#options.redactor.clean(this.#reporting.alone(reporter, runs, collection))
  }

  async send(report: Report): Promise<boolean> {
    try {
      const { client, redactor } = this.#options
      await runInTimeSlices(splitReport(report, redactor.write), async ({ json }) => {
        await client.sendReports([await toReportBody(json)], this.#stopping.signal)
      })
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

  stop(timeoutMs: number): Promise<void> {
    this.#stopped ??= this.#stop(timeoutMs)
    return this.#stopped
  }

  status(): AgentStatus {
    const role = roleOf(this.#parts)
    return {
      state: this.#stopped !== undefined ? 'stopped' : this.#starting !== undefined ? 'running' : 'idle',
      connected: this.#opening.current() !== undefined,
      platformReachable: this.#heart.heard(),
      ...(role === undefined ? {} : { role }),
      collectors: statusesOf(this.#parts),
      outbox: outboxStatus(this.#outbox.state()),
    }
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping
    await this.#opening.tryOpen()
    if (signal.aborted) return
    const beat = (): Promise<void> => this.#heart.beat(signal).then(() => undefined)
    this.#loops = [
      repeat({ intervalMs: () => this.#heart.interval(), task: beat }, signal),
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
      await sleep(fullJitter(failures, RECONNECT_BACKOFF), signal)
      if (signal.aborted) return
      if (await this.#opening.tryOpen()) void this.#heart.beat(signal)
    }
    const open = this.#opening.current()
    if (open === undefined) return
    await this.#serving.run(open)
  }

  async #stop(timeoutMs: number): Promise<void> {
    const deadlineAt = performance.now() + timeoutMs
    const left = (kept = 0): number =>
      Math.min(MAX_TIMER_MS, Math.max(1, Math.round(deadlineAt - kept - performance.now())))
    const open = this.#opening.current()
    this.#stopping.abort(stopped('was stopped'))
    await settleWithin(this.#starting, left())
    // Half of the time for what is running to end, the rest for delivery.
    await settleWithin(Promise.all(this.#loops), left() / 2)
    this.#closed = true
    // A platform that cannot be reached must not cost the time in which the lead is given up.
    const forResigning = this.#serving.leadId() === undefined ? 0 : Math.min(RESIGNING, timeoutMs / 5)
    const hasLast = this.#serving.reports() && this.#reporting.hasNews()
    await this.#queue.finish(
      hasLast ? open : undefined,
      () => left(forResigning),
      () => !this.#serving.reports(),
    )
    // Only now: another agent that leads from here on tells nothing that this one has still to tell.
    await this.#serving.resign(left())
    await this.#opening.close(left())
  }

  get #parts(): AgentParts {
    const { connector, agentVersion } = this.#options
    return {
      connector: connector as Connector,
      agentVersion,
      instanceId: this.#instanceId,
      startedAt: this.#startedAt,
      isStarted: () => this.#starting !== undefined,
      opening: this.#opening,
      serving: this.#serving,
      outbox: this.#outbox,
    }
  }
}

function stopped(problem: string): RcaError {
  return new RcaError('RCA_AGENT_STOPPED', `This agent ${problem}. Make a new one with \`createAgent\``)
}
