export { type Agent, type AgentOptions, type AgentStatus, createAgent, type StopOptions } from './agent/agent.ts'
export { configFromEnvironment } from './config/config-from-environment.ts'
export type { ConfigOf, ConfigSchema, JsonSchema } from './config/config-schema.ts'
export { type Duration, toMilliseconds } from './config/duration.ts'
export { excluding, matching, type NameFilter } from './config/name-filter.ts'
export { deploymentOnly, duration, secret } from './config/options.ts'
export {
  agentConfigJsonSchema,
  agentOptionNames,
  type ParsedConfig,
  parseConfig,
  type RawConfig,
  secretOptionNames,
} from './config/parse-config.ts'
export { type RuntimeConfig, runtimeConfigSchema } from './config/runtime-config.ts'
export type {
  CollectContext,
  Collector,
  ConnectContext,
  Connector,
  Election,
  ElectionContext,
  Identity,
  WatchContext,
  Watcher,
} from './connector/connector.ts'
export { type Cursor, type CursorSchema, openCursor } from './connector/cursor.ts'
export { type ConnectorDefinition, defineConnector, isConnector } from './connector/define-connector.ts'
export {
  createEventSampler,
  EVENT_SAMPLER_QUIET_MS,
  type EventSample,
  type EventSampler,
} from './connector/event-sampler.ts'
export { hostId } from './connector/host-id.ts'
export {
  type DeclaredAttributes,
  type EntityDefinition,
  type EventDefinition,
  entity,
  event,
  type MetricDefinition,
  metric,
  type SignalCatalog,
} from './connector/signal-catalog.ts'
export {
  type Attributes,
  type AttributeValue,
  type Entity,
  type EntityReference,
  type Event,
  type Gap,
  type Metric,
  type MetricKind,
  mergeSignals,
  type Relation,
  SEVERITIES,
  type Severity,
  type Signals,
} from './connector/signals.ts'
export type { Deployment, DeploymentTarget } from './deployment/deployment.ts'
export type { RenderedDeployment } from './deployment/describe-deployment.ts'
export { type DeploymentRequest, planDeployment } from './deployment/plan-deployment.ts'
export { powershell } from './deployment/powershell.ts'
export { chartValues, environmentName, environmentVariables, type SettingsOptions } from './deployment/settings.ts'
export { sh } from './deployment/sh.ts'
export { continued, type ShellCommand } from './deployment/shell-command.ts'
export { AgentTokenError } from './errors/agent-token-error.ts'
export { ConfigError, type ConfigIssue } from './errors/config-error.ts'
export { ConnectionError } from './errors/connection-error.ts'
export { ConnectorError } from './errors/connector-error.ts'
export { HostPackageError } from './errors/host-package-error.ts'
export { PlatformUrlError } from './errors/platform-url-error.ts'
export { isRcaError, RcaError } from './errors/rca-error.ts'
export { ShellQuotingError } from './errors/shell-quoting-error.ts'
export { UnknownTypeError } from './errors/unknown-type-error.ts'
export { createTimeSlice, inTimeSlices, type TimeSlice, yieldToEventLoop } from './event-loop.ts'
export { exitSignal } from './evidence/exit-signal.ts'
export { tailOf } from './evidence/log-tail.ts'
export { type Logger, silentLogger } from './logger.ts'
export { parseAgentToken } from './platform/agent-token.ts'
export { parsePlatformUrl } from './platform/platform-url.ts'
export type { Report } from './platform/protocol.ts'
export { withoutSecrets } from './redaction/redact-container-text.ts'
export { redactSecrets } from './redaction/redact-secrets.ts'
export { type DiscoverOptions, discoverConnectors } from './registry/discover-connectors.ts'
export {
  type ConnectorDescription,
  type ConnectorSummary,
  createRegistry,
  type Registry,
  type RegistryProblem,
} from './registry/registry.ts'
export { type Failure, type SuperviseOptions, supervise } from './supervise.ts'
export { CORE_VERSION } from './version.ts'
