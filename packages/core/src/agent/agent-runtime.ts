import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { type Backoff, fullJitter } from '../backoff.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { Connector } from '../connector/connector.ts'
import { createOutbox, type Outbox } from '../delivery/outbox.ts'
import { createReportFiles } from '../delivery/report-files.ts'
import { createSender, type Sender } from '../delivery/sender.ts'
import { reasonOf } from '../errors/error-reason.ts'
import { RcaError } from '../errors/rca-error.ts'
import { runInTimeSlices } from '../event-loop.ts'
import type { PlatformClient } from '../platform/client.ts'
import type { ConnectorOrigin, EnrollRequest, Report } from '../platform/protocol.ts'
import { toReportBody } from '../platform/report-body.ts'
import type { StateStore } from '../state/state-store.ts'
import { MAX_TIMER_MS, repeat, settleWithin, sleep } from '../timers.ts'
import {
  type AgentParts,
  type AgentStatus,
  describeAgent,
  describeEnrolment,
  roleOf,
  statusesOf,
} from './agent-status.ts'
import { newInstanceId } from './election/election-runner.ts'
import { type AccessCheck, checkAccess, createEnrolment, type Enrolment } from './enrolment.ts'
import { createHeartbeatSender, type HeartbeatSender, outboxStatus } from './heartbeat.ts'
import { createLeaderLoop, type LeaderLoop } from './leader-loop.ts'
import { createProcessErrors, type ProcessError, type ProcessErrors } from './process-errors.ts'
import { createReportBuilder, type ReportBuilder } from './report/report-builder.ts'
import { splitReport } from './report/report-splitter.ts'
import { createReportQueue, type ReportQueue } from './report-queue.ts'
import { createSessionOpener, type Session, type SessionOpener, type SessionOptions } from './session.ts'
import { createCursorStore } from './watch/cursor-store.ts'

/** Time of a stop that is reserved for leaving the election. */
const MAX_RESIGN_TIMEOUT_MS = 1_000

/** Time after which an agent that cannot open its session sends a heartbeat all the same. */
const SLOW_OPENING_MS = 2_000

/** Time of each call that reports the end of the last run before this one connects. */
const EARLY_CRASH_TIMEOUT_MS = 5_000

const RECONNECT_BACKOFF: Backoff = { baseMs: 1_000, maxMs: 60_000 }

export interface AgentRuntimeOptions<Config, Client>
  extends Omit<SessionOptions<Config, Client>, 'now' | 'signal' | 'emit' | 'instanceId' | 'onElectionChange'> {
  readonly runtime: RuntimeConfig
  readonly agentVersion: string
  readonly connectorOrigin: ConnectorOrigin | undefined
  readonly client: PlatformClient
  /** Keeps the agent's key between runs, unless the connector does. Without either, the agent does not enrol. */
  readonly keyState: StateStore | undefined
  /** Keeps reports that wait for the platform, and the record of a crash. Without it, they are in memory alone. */
  readonly stateDirectory: string | undefined
}

/** An agent's lifecycle: idle, running, stopped. */
export class AgentRuntime<Config, Client> {
  readonly #options: AgentRuntimeOptions<Config, Client>
  readonly #sessions: SessionOpener
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #reports: ReportBuilder
  readonly #heartbeats: HeartbeatSender
  readonly #enrolment: Enrolment
  readonly #queue: ReportQueue
  readonly #leaderLoop: LeaderLoop
  readonly #processErrors: ProcessErrors
  readonly #stopping = new AbortController()
  readonly #startedAt = new Date()
  readonly #instanceId = newInstanceId()
  #loops: Promise<unknown>[] = []
  #starting: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #restoring: Promise<void> | undefined
  /** True once the last report is built: later signals of watchers are dropped. */
  #isClosed = false

  constructor(options: AgentRuntimeOptions<Config, Client>) {
    const { runtime, log, client, agentVersion } = options
    const connector = options.connector as Connector
    const now = (): Date => new Date()
    const { signal } = this.#stopping
    // Every running collector listens to it: without this, Node warns of a leak from the eleventh on.
    setMaxListeners(0, signal)
    this.#options = options
    const { stateDirectory } = options
    const files = stateDirectory === undefined ? undefined : createReportFiles(join(stateDirectory, 'outbox'))
    this.#outbox = createOutbox({ maxBytes: runtime.max_queue_size * 1024 * 1024, files, log })
    this.#reports = createReportBuilder({
      connector,
      agentVersion,
      now,
      outboxState: () => this.#outbox.state(),
      write: options.redactor.write,
      leaderTermId: () => this.#leaderLoop.leaderTermId(),
      log,
    })
    this.#sender = createSender({
      client,
      outbox: this.#outbox,
      maxBatchSize: runtime.max_batch_size,
      log,
      onDrop: () => this.#reports.resync(),
    })
    this.#processErrors = createProcessErrors({
      agentType: connector.type,
      directory: stateDirectory,
      state: options.state,
      agentId: () => this.#sessions.current()?.reporter.agentId,
      redact: options.redactor.text,
      now,
    })
    this.#queue = createReportQueue({
      reports: this.#reports,
      outbox: this.#outbox,
      isStored: files !== undefined,
      sender: this.#sender,
      log,
      gaps: this.#processErrors.gaps,
    })
    this.#sessions = createSessionOpener({
      ...options,
      now,
      signal,
      emit: (signals) => {
        if (this.#isClosed) return
        this.#reports.addWatched(signals)
        this.#leaderLoop.reportSoon()
      },
      instanceId: this.#instanceId,
      onElectionChange: () => {
        const session = this.#sessions.current()
        if (session !== undefined) this.#leaderLoop.onElectionChange(session)
      },
    })
    const { enrolment, heartbeats } = createCalls(options, () => this.#parts)
    this.#enrolment = enrolment
    this.#heartbeats = heartbeats
    this.#leaderLoop = createLeaderLoop({
      connector,
      runtime,
      reports: this.#reports,
      queue: this.#queue,
      heartbeats: this.#heartbeats,
      log,
      signal,
    })
  }

  /** Runs every collector once and returns a full snapshot. */
  async collect(): Promise<Report> {
    const { signal } = this.#stopping
    signal.throwIfAborted()
    const { collectors, reporter } = await this.#sessions.open()
    const names = Object.keys(this.#options.connector.collectors)
    const runs = await Promise.all(names.map((name) => collectors.runFullSnapshot(name)))
    // Interrupted runs would look like empty results.
    signal.throwIfAborted()
    return this.#options.redactor.clean(this.#reports.fullReport(reporter, runs, collectors))
  }

  async send(report: Report): Promise<boolean> {
    const { client, redactor, log } = this.#options
    await this.#enrolment.load()
    try {
      await runInTimeSlices(splitReport(report, redactor.write), async ({ json }) => {
        await client.sendReports([await toReportBody(json)], this.#stopping.signal)
      })
      return true
    } catch (error) {
      log.warn({ report_id: report.report_id, error: reasonOf(error) }, 'report not delivered')
      return false
    }
  }

  async heartbeat(): Promise<boolean> {
    if (this.#stopping.signal.aborted) return false
    if (this.#sessions.current() === undefined) await this.#sessions.tryOpen()
    return this.#heartbeats.send(this.#stopping.signal)
  }

  /** Asks the platform whether it accepts this agent. Stores nothing. */
  async checkAccess(): Promise<AccessCheck> {
    const { client, connector } = this.#options
    if (this.#sessions.current() === undefined) await this.#sessions.tryOpen()
    await this.#enrolment.load()
    const query = { agent_id: this.#sessions.agentId(), agent_type: connector.type }
    return checkAccess(client, query, this.#stopping.signal)
  }

  recordProcessError(error: ProcessError): void {
    this.#processErrors.record(error)
  }

  start(): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(stoppedError('was stopped and does not start again'))
    this.#starting ??= this.#start()
    return this.#starting
  }

  stop(timeoutMs: number): Promise<void> {
    this.#stopped ??= this.#stop(timeoutMs)
    return this.#stopped
  }

  status(): AgentStatus {
    const role = roleOf(this.#parts)
    const acknowledgedAt = this.#heartbeats.acknowledgedAt()
    const heartbeatFailure = this.#heartbeats.failure()
    const keyExpiresAt = this.#enrolment.keyExpiresAt()
    return {
      state: this.#stopped !== undefined ? 'stopped' : this.#starting !== undefined ? 'running' : 'idle',
      connected: this.#sessions.current() !== undefined,
      platformReachable: this.#heartbeats.acknowledged(),
      ...(acknowledgedAt === undefined ? {} : { acknowledgedAt }),
      ...(heartbeatFailure === undefined ? {} : { heartbeatFailure }),
      enrolled: this.#options.client.usesKey(),
      ...(keyExpiresAt === undefined ? {} : { keyExpiresAt }),
      ...(role === undefined ? {} : { role }),
      collectors: statusesOf(this.#parts),
      outbox: outboxStatus(this.#outbox.state()),
    }
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping
    await this.#reportEarlyCrash()
    if (signal.aborted) return
    const opening = this.#sessions.tryOpen()
    await this.#reportSlowOpening(opening)
    await opening
    // Before the sender starts: the token may no longer be valid.
    await this.#enrolment.load()
    await this.#restore()
    if (signal.aborted) return
    const sendHeartbeat = (): Promise<void> => this.#heartbeats.send(signal).then(() => undefined)
    const loops = {
      heartbeat: repeat(() => nextHeartbeatIn(this.#heartbeats), sendHeartbeat, signal),
      sender: this.#sender.run(signal),
      session: this.#runSession(signal),
    }
    this.#loops = Object.entries(loops).map(([loop, running]) =>
      running.catch((error: unknown) => {
        const fields = { loop, error: reasonOf(error) }
        this.#options.log.error(fields, 'internal error: a loop of the agent stopped; restart the agent')
      }),
    )
  }

  /**
   * Loads what an earlier run left, once. Before the first heartbeat: reports that are older than a heartbeat with an
   * empty queue look to the platform as if this clock were behind.
   */
  #restore(): Promise<void> {
    this.#restoring ??= this.#outbox.restore(this.#sessions.agentId()).then((last) => {
      if (last !== undefined) this.#reports.continueAfter(last)
    })
    return this.#restoring
  }

  /**
   * Reports that the last run ended while it connected, before this run connects and perhaps ends as well. The platform
   * keeps events of agents that have connected once; until then, the heartbeat has the reason.
   */
  async #reportEarlyCrash(): Promise<void> {
    const { connector, state, log, redactor } = this.#options
    const reason = await this.#processErrors.earlyCrash()
    // A key that replicas share can only be read with the open client.
    if (reason === undefined || connector.keyStore !== undefined) return
    const agentId = await this.#sessions.fallbackId()
    const event = await this.#processErrors.lastCrash(agentId)
    const cursors = createCursorStore(state, agentId, log)
    if (event === undefined || (await cursors.read(event.name)) === event.at) return
    this.#sessions.recordCrash(reason)
    await this.#enrolment.load()
    await this.#restore()
    await settleWithin(this.#heartbeats.send(this.#stopping.signal), EARLY_CRASH_TIMEOUT_MS)
    // Only the leader of several replicas reports.
    const { aborted } = this.#stopping.signal
    if (aborted || this.#sessions.isProvisional() || connector.election !== undefined) return
    await this.#queue.deliver(this.#reports.eventReport(agentId, event), redactor.write, EARLY_CRASH_TIMEOUT_MS)
    cursors.keep(event.name, event.at)
    if (!this.#outbox.hasUnsaved()) await cursors.take()()
  }

  /** Sends a heartbeat if the session takes long to open: until then, the platform does not know the agent. */
  async #reportSlowOpening(opening: Promise<boolean>): Promise<void> {
    const { connector } = this.#options
    const settled = new AbortController()
    void opening.then(() => settled.abort())
    await settleWithin(opening, SLOW_OPENING_MS)
    // A key that replicas share can only be read with the open client.
    if (settled.signal.aborted || this.#stopping.signal.aborted || connector.keyStore !== undefined) return
    await this.#sessions.recordSlowness()
    await this.#enrolment.load()
    await this.#restore()
    if (!settled.signal.aborted) await this.#heartbeats.send(AbortSignal.any([settled.signal, this.#stopping.signal]))
  }

  /** Opens the session, with as many attempts as it takes, and runs it. */
  async #runSession(signal: AbortSignal): Promise<void> {
    for (let failures = 1; this.#sessions.current() === undefined && !signal.aborted; failures += 1) {
      await sleep(fullJitter(failures, RECONNECT_BACKOFF), signal)
      if (signal.aborted) return
      if (await this.#sessions.tryOpen()) void this.#heartbeats.send(signal)
    }
    const session = this.#sessions.current()
    if (session === undefined) return
    await this.#addLastCrash(session)
    await this.#leaderLoop.run(session)
  }

  /** Reports once how the last run ended. The cursor is written when the report is queued. */
  async #addLastCrash({ reporter, cursors }: Session): Promise<void> {
    const event = await this.#processErrors.lastCrash(reporter.agentId)
    if (event === undefined || (await cursors.read(event.name)) === event.at) return
    this.#reports.addOwnEvent(event)
    cursors.keep(event.name, event.at)
  }

  async #stop(timeoutMs: number): Promise<void> {
    const deadlineAt = performance.now() + timeoutMs
    const remainingMs = (reservedMs = 0): number =>
      Math.min(MAX_TIMER_MS, Math.max(1, Math.round(deadlineAt - reservedMs - performance.now())))
    const session = this.#sessions.current()
    this.#stopping.abort(stoppedError('was stopped'))
    await settleWithin(this.#starting, remainingMs())
    // Half of the time for running work to end, the rest for delivery.
    await settleWithin(Promise.all(this.#loops), remainingMs() / 2)
    this.#isClosed = true
    // An unreachable platform must not use up the time for leaving the election.
    const resignMs = this.#leaderLoop.leaderTermId() === undefined ? 0 : Math.min(MAX_RESIGN_TIMEOUT_MS, timeoutMs / 5)
    const hasLast = this.#leaderLoop.isReporting() && this.#reports.hasContent()
    await this.#queue.finish(
      hasLast ? session : undefined,
      () => remainingMs(resignMs),
      () => !this.#leaderLoop.isReporting(),
    )
    // Nothing was emitted since the last report: everything before the cursors is queued.
    if (this.#leaderLoop.isReporting() && !this.#reports.hasContent() && !this.#outbox.hasUnsaved())
      await settleWithin(session?.cursors.take()(), remainingMs(resignMs))
    // Only now: the next leader's reports must come after this agent's last one.
    await this.#leaderLoop.resign(remainingMs())
    await this.#sessions.close(remainingMs())
  }

  get #parts(): AgentParts {
    const { connector, agentVersion, connectorOrigin } = this.#options
    return {
      connector: connector as Connector,
      agentVersion,
      connectorOrigin,
      instanceId: this.#instanceId,
      startedAt: this.#startedAt,
      isStarted: () => this.#starting !== undefined,
      sessions: this.#sessions,
      leaderLoop: this.#leaderLoop,
      outbox: this.#outbox,
    }
  }
}

function stoppedError(problem: string): RcaError {
  return new RcaError('RCA_AGENT_STOPPED', `This agent ${problem}. Create a new one with \`createAgent\``)
}

/** Creates the calls of the platform that deliver no reports. */
function createCalls<Config, Client>(
  { client, runtime, log, redactor, keyState }: AgentRuntimeOptions<Config, Client>,
  parts: () => AgentParts,
): { readonly enrolment: Enrolment; readonly heartbeats: HeartbeatSender } {
  const describe = (): EnrollRequest | undefined => describeEnrolment(parts())
  const sharedStore = (): StateStore | undefined => parts().sessions.current()?.keyStore
  const enrolment = createEnrolment({
    client,
    state: () => sharedStore() ?? keyState,
    log,
    addSecret: redactor.add,
    describe,
    mayRotate: () => sharedStore() === undefined || roleOf(parts()) !== 'standby',
  })
  const heartbeats = createHeartbeatSender({ client, enrolment, runtime, log, describe: () => describeAgent(parts()) })
  return { enrolment, heartbeats }
}

/**
 * Shortens a heartbeat's interval by up to a tenth: agents that started together do not call together for ever. Never
 * earlier than the platform asked for.
 */
function nextHeartbeatIn({ intervalMs, retryAfterMs }: HeartbeatSender): number {
  return Math.max(intervalMs() * (1 - Math.random() / 10), retryAfterMs())
}
