import { join } from 'node:path'
import { checkOptions } from '../config/check-options.ts'
import type { Duration } from '../config/duration.ts'
import { toMilliseconds } from '../config/duration.ts'
import { type ParsedConfig, parseConfig, type RawConfig } from '../config/parse-config.ts'
import type { Connector } from '../connector/connector.ts'
import { isConnector } from '../connector/define-connector.ts'
import type { SignalCatalog } from '../connector/signal-catalog.ts'
import { createRedactor } from '../delivery/redaction.ts'
import type { RenderedDeployment } from '../deployment/describe-deployment.ts'
import { planDeployment } from '../deployment/plan-deployment.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { openKeyedHash, sharedKeyedHash } from '../keyed-hash.ts'
import { type Logger, warningLogger } from '../logger.ts'
import { parseAgentToken } from '../platform/agent-token.ts'
import { createPlatformClient } from '../platform/client.ts'
import { isUnencrypted, parsePlatformUrl, platformUrlText } from '../platform/platform-url.ts'
import { type HeartbeatRequest, type Report, type Role, reportSchema } from '../platform/protocol.ts'
import { createDirectoryState, createMemoryState } from '../state/state-store.ts'
import { CORE_VERSION } from '../version.ts'
import { AgentRun } from './agent-runtime.ts'
import { selfSignals } from './report/self-metrics.ts'

/** What an agent is made from. */
export interface AgentOptions<Config = unknown, Client = unknown> {
  readonly connector: Connector<Config, Client>
  /** The platform's address, such as https://api.example.com. */
  readonly platformUrl: string
  /** The environment's token, as the platform showed it once. */
  readonly agentToken: string
  /** Options of the connector and those that every agent has, in snake_case. Text is accepted for every option. @default {} */
  readonly config?: RawConfig
  /** @default warnings and errors go to standard error; `silentLogger` says nothing */
  readonly logger?: Logger
  /** Where cursors and the agent's id outlive a run. @default nothing outlives it */
  readonly stateDirectory?: string
  /** Version that the platform is told. @default the version of `@rca/core` */
  readonly agentVersion?: string
}

/** An agent for one type of infrastructure. Safe to make: nothing is opened before it is used. */
export interface Agent {
  readonly agentType: string
  /** The command that deploys this agent: `deployment().command`. */
  getDeploymentCommand(): string
  /** The command with its prerequisites, verification, removal and numbered instructions. */
  deployment(): RenderedDeployment
  /** Runs every collector once and returns what they saw. Opens the client if it is not open: `stop` closes it. A collector that fails is a gap in the report, not an error. @throws {ConnectionError} when what is watched cannot be reached. @throws {RcaError} `RCA_AGENT_STOPPED` after `stop`. */
  collectMetrics(): Promise<Report>
  /** Delivers a report. Repeats with full jitter and honours Retry-After; `false` when the platform does not have it in the end. Never rejects for the network. @throws {TypeError} when it is no report. */
  sendData(report: Report): Promise<boolean>
  /** Says that the agent is alive, and how its collectors are. Opens the client if it is not open. `false` when the platform did not hear it. Never rejects. */
  heartbeat(): Promise<boolean>
  /** Opens the client, then heartbeats, collects and delivers until `stop`. Resolves after the first attempt to open the client; a failed one is repeated and shown to the platform. Idempotent. @throws `RCA_AGENT_STOPPED` after `stop`. */
  start(): Promise<void>
  /** Stops collecting, delivers what is left within the timeout and closes the client. Idempotent. */
  stop(options?: StopOptions): Promise<void>
  /** How the agent is right now, as the next heartbeat would say it. */
  status(): AgentStatus
}

/** Options of `agent.stop`. */
export interface StopOptions {
  /** Time for delivery of what was collected. @default 5s */
  readonly timeout?: Duration
}

/** How an agent is. */
export interface AgentStatus {
  readonly state: 'idle' | 'running' | 'stopped'
  /** Whether the client is open. */
  readonly connected: boolean
  /** Whether the platform heard the last heartbeat. `undefined` before the first. */
  readonly platformReachable: boolean | undefined
  /** Whether this agent reports, where several elect the one that does. Absent without an election and before `start`. */
  readonly role?: Role
  readonly collectors: HeartbeatRequest['collectors']
  readonly outbox: HeartbeatRequest['outbox']
}

const OPTIONS: readonly (keyof AgentOptions)[] = [
  'connector',
  'platformUrl',
  'agentToken',
  'config',
  'logger',
  'stateDirectory',
  'agentVersion',
]

const STOP_OPTIONS: readonly (keyof StopOptions)[] = ['timeout']

/** Platforms that were warned about in this process. */
const warned = new Set<string>()

/**
 * Makes an agent from a connector.
 *
 * @throws {ConfigError} @throws {PlatformUrlError} @throws {AgentTokenError} @throws {ConnectorError}
 */
export function createAgent<Config, Client>(options: AgentOptions<Config, Client>): Agent {
  checkOptions('createAgent', options, OPTIONS)
  const { connector } = options
  if (!isConnector(connector))
    throw new ConnectorError('given to `createAgent`', 'it was not made by `defineConnector`.')
  const platformUrl = parsePlatformUrl(options.platformUrl)
  const agentToken = parseAgentToken(options.agentToken)
  const parsed: ParsedConfig<Config> = parseConfig(connector, options.config)
  const redactor = createRedactor([agentToken, ...parsed.secrets], declaredNames(connector.signals))
  const log = redactor.logger(options.logger ?? warningLogger)
  const agentVersion = options.agentVersion ?? CORE_VERSION

  const state =
    options.stateDirectory === undefined
      ? createMemoryState()
      : createDirectoryState(join(options.stateDirectory, connector.type.replace('/', '_')))

  warnIfUnencrypted(platformUrl, log)
  const run = new AgentRun({
    connector,
    config: parsed.config,
    runtime: parsed.runtime,
    agentVersion,
    redactor,
    log,
    state,
    // Where one of several reports, what did not change must not look changed when another does.
    openKeyedHash: async () =>
      connector.election === undefined ? openKeyedHash(state, log) : sharedKeyedHash(agentToken),
    client: createPlatformClient({
      platformUrl,
      agentToken,
      userAgent: `rca-agent/${agentVersion} (${connector.type})`,
      retryCount: parsed.runtime.retry_count,
      log,
    }),
  })
  const deployment = (): RenderedDeployment =>
    planDeployment(connector, {
      platformUrl: platformUrl.href,
      agentToken,
      ...(options.config === undefined ? {} : { config: options.config }),
    })

  return {
    agentType: connector.type,
    getDeploymentCommand: () => deployment().command,
    deployment,
    collectMetrics: () => run.collect(),
    sendData: async (report) => run.send(checkedReport(report)),
    heartbeat: () => run.heartbeat(),
    start: () => run.start(),
    stop: async (stopOptions = {}) => {
      checkOptions('stop', stopOptions, STOP_OPTIONS)
      await run.stop(toMilliseconds(stopOptions.timeout ?? '5s'))
    },
    status: () => run.status(),
  }
}

function warnIfUnencrypted(platformUrl: URL, log: Logger): void {
  if (!isUnencrypted(platformUrl) || warned.has(platformUrl.host)) return
  warned.add(platformUrl.host)
  log.warn(
    { platform_url: platformUrlText(platformUrl) },
    'the token and all data travel unencrypted: use an https address',
  )
}

/** A report as far as it is one: fields that are not a report's stay here. */
/** Names of attributes that connector and core chose themselves. */
function declaredNames(signals: SignalCatalog): string[] {
  return Object.values({ ...selfSignals, ...signals }).flatMap(({ attributes }) => Object.keys(attributes))
}

function checkedReport(report: unknown): Report {
  const checked = reportSchema.safeParse(report)
  if (checked.success) return checked.data as Report
  const issues = checked.error.issues.slice(0, 3).map((issue) => `\`${issue.path.join('.')}\` ${issue.message}`)
  throw new TypeError(`\`sendData\` takes a report as \`collectMetrics\` returns it: ${issues.join('; ')}`)
}
