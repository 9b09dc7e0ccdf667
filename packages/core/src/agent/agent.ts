import { join } from 'node:path'
import { checkArguments } from '../config/check-arguments.ts'
import type { Duration } from '../config/duration.ts'
import { toMilliseconds } from '../config/duration.ts'
import { type ParsedConfig, parseConfig, type RawConfig } from '../config/parse-config.ts'
import type { RuntimeConfig } from '../config/runtime-config.ts'
import type { Connector } from '../connector/connector.ts'
import { isConnector } from '../connector/define-connector.ts'
import type { SignalCatalog } from '../connector/signal-catalog.ts'
import { createRedactor } from '../delivery/report-redactor.ts'
import type { RenderedDeployment } from '../deployment/describe-deployment.ts'
import { planDeployment } from '../deployment/plan-deployment.ts'
import { ConnectorError } from '../errors/connector-error.ts'
import { openKeyedHash, sharedKeyedHash } from '../keyed-hash.ts'
import { type Logger, warningLogger } from '../logger.ts'
import { parseAgentToken } from '../platform/agent-token.ts'
import { createPlatformClient } from '../platform/client.ts'
import { isUnencrypted, parsePlatformUrl, platformUrlText } from '../platform/platform-url.ts'
import { type ConnectorOrigin, connectorOriginSchema, type Report, reportSchema } from '../platform/protocol.ts'
import { createDirectoryState, createMemoryState } from '../state/state-store.ts'
import { CORE_VERSION } from '../version.ts'
import { AgentRuntime } from './agent-runtime.ts'
import type { AgentStatus } from './agent-status.ts'
import type { AccessCheck } from './enrolment.ts'
import type { ProcessError } from './process-errors.ts'
import { selfSignals } from './report/self-metrics.ts'

/** Options of a connector and of every agent, in snake_case. Validated when the agent is created; each may be text. */
export type AgentConfig<Config> = unknown extends Config
  ? RawConfig
  : { readonly [Name in keyof Config | keyof RuntimeConfig]?: unknown }

/** Options of {@link createAgent}. */
export interface AgentOptions<Config = unknown, Client = unknown> {
  readonly connector: Connector<Config, Client>
  /** The platform's address, such as https://api.example.com. */
  readonly platformUrl: string
  /** The environment's token, as the platform showed it once. With `stateDirectory`, it is exchanged for a key. */
  readonly agentToken: string
  /** @default {} */
  readonly config?: AgentConfig<NoInfer<Config>>
  /** @default writes warnings and errors to standard error; `silentLogger` writes nothing */
  readonly logger?: Logger
  /** Directory that keeps cursors, the agent's id and its key between runs. @default nothing is kept */
  readonly stateDirectory?: string
  /** Version that the platform shows. @default the version of `@rca/core` */
  readonly agentVersion?: string
  /** The connector's package, as `registry.origin` returns it, which the platform shows. @default none is shown */
  readonly connectorOrigin?: ConnectorOrigin
}

/** An agent for one type of infrastructure. Opens nothing before its first use. */
export interface Agent {
  readonly agentType: string
  /** Returns the command that deploys this agent: `deployment().command`. */
  getDeploymentCommand(): string
  /** Returns the command with its prerequisites, verification, removal and numbered instructions. */
  deployment(): RenderedDeployment
  /**
   * Runs every collector once, and opens the client if necessary; `stop` closes it. A failed collector is a gap in the
   * report.
   *
   * @throws {ConnectionError} if the client cannot be opened
   * @throws {RcaError} `RCA_AGENT_STOPPED` after `stop`
   */
  collectMetrics(): Promise<Report>
  /**
   * Delivers a report, with retries that honour Retry-After. Returns false if the platform did not accept it; never
   * rejects for the network.
   *
   * @throws {TypeError} if the argument is not a report
   */
  sendData(report: Report): Promise<boolean>
  /** Sends a heartbeat, and opens the client if necessary. Returns false if it was not acknowledged; never rejects. */
  heartbeat(): Promise<boolean>
  /**
   * Opens the client, then sends heartbeats, collects and delivers until `stop`. Resolves after the first attempt to
   * open it; retries a failed one and reports it to the platform. Idempotent.
   *
   * @throws {RcaError} `RCA_AGENT_STOPPED` after `stop`
   */
  start(): Promise<void>
  /** Stops collecting, delivers the queue within the timeout and closes the client. Idempotent. */
  stop(options?: StopOptions): Promise<void>
  /** Asks the platform whether it accepts the agent's key or token. Changes nothing; never rejects. */
  checkAccess(): Promise<AccessCheck>
  /**
   * Records an error of the connector that concerns the whole process, as `process` announces it. An unhandled
   * rejection is a gap for ten minutes. An error that ends the process is an event of the next run with the same
   * `stateDirectory`. Synchronous; never throws.
   */
  recordProcessError(error: ProcessError): void
  /** Returns the agent's state, as the next heartbeat would report it. */
  status(): AgentStatus
}

/** Options of `agent.stop`. */
export interface StopOptions {
  /** Time for running collectors to end, for delivery and for closing the client. @default 5s */
  readonly timeout?: Duration
}

const OPTIONS: readonly (keyof AgentOptions)[] = [
  'connector',
  'platformUrl',
  'agentToken',
  'config',
  'logger',
  'stateDirectory',
  'agentVersion',
  'connectorOrigin',
]

const STOP_OPTIONS: readonly (keyof StopOptions)[] = ['timeout']

/** Platforms that this process has warned about. */
const warnedHosts = new Set<string>()

/**
 * Creates an agent from a connector.
 *
 * @throws {ConfigError} @throws {PlatformUrlError} @throws {AgentTokenError} @throws {ConnectorError}
 */
export function createAgent<Config, Client>(options: AgentOptions<Config, Client>): Agent {
  checkArguments('createAgent', options, OPTIONS)
  const { connector } = options
  if (!isConnector(connector))
    throw new ConnectorError('given to `createAgent`', 'it must be created by `defineConnector`.')
  const platformUrl = parsePlatformUrl(options.platformUrl)
  const agentToken = parseAgentToken(options.agentToken)
  const parsed: ParsedConfig<Config> = parseConfig<Config>(connector, options.config)
  const redactor = createRedactor([agentToken, ...parsed.secrets], declaredNames(connector.signals))
  const log = redactor.logger(options.logger ?? warningLogger)
  const agentVersion = options.agentVersion ?? CORE_VERSION

  const { stateDirectory } = options
  const directory = stateDirectory === undefined ? undefined : join(stateDirectory, connector.type.replace('/', '_'))
  const state = directory === undefined ? createMemoryState() : createDirectoryState(directory)

  warnIfUnencrypted(platformUrl, log)
  const runtime = new AgentRuntime({
    connector,
    config: parsed.config,
    runtime: parsed.runtime,
    agentVersion,
    connectorOrigin: sendableOrigin(options.connectorOrigin),
    redactor,
    log,
    state,
    keyState: directory === undefined ? undefined : state,
    stateDirectory: directory,
    // Replicas share a key: a change of the leader must not look like a change of every hashed value.
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
    collectMetrics: () => runtime.collect(),
    sendData: async (report) => runtime.send(validReport(report)),
    heartbeat: () => runtime.heartbeat(),
    start: () => runtime.start(),
    stop: async (stopOptions = {}) => {
      checkArguments('stop', stopOptions, STOP_OPTIONS)
      await runtime.stop(toMilliseconds(stopOptions.timeout ?? '5s'))
    },
    checkAccess: () => runtime.checkAccess(),
    recordProcessError: (error) => runtime.recordProcessError(error),
    status: () => runtime.status(),
  }
}

function warnIfUnencrypted(platformUrl: URL, log: Logger): void {
  if (!isUnencrypted(platformUrl) || warnedHosts.has(platformUrl.host)) return
  warnedHosts.add(platformUrl.host)
  log.warn({ platform_url: platformUrlText(platformUrl) }, 'token and data travel unencrypted: use an https address')
}

/** Returns the names of attributes that connector and core declare: the redactor leaves them as they are. */
function declaredNames(signals: SignalCatalog): string[] {
  return Object.values({ ...selfSignals, ...signals }).flatMap(({ attributes }) => Object.keys(attributes))
}

/** Returns `undefined` for an origin that the platform would refuse, with the whole heartbeat. */
function sendableOrigin(origin: unknown): ConnectorOrigin | undefined {
  return connectorOriginSchema.optional().catch(undefined).parse(origin)
}

/** Validates a report and removes unknown fields. */
function validReport(report: unknown): Report {
  const checked = reportSchema.safeParse(report)
  if (checked.success) return checked.data as Report
  const issues = checked.error.issues.slice(0, 3).map((issue) => `\`${issue.path.join('.')}\` ${issue.message}`)
  throw new TypeError(`\`sendData\` takes a report as \`collectMetrics\` returns it: ${issues.join('; ')}`)
}
