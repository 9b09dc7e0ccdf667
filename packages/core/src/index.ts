export { type Agent, type AgentConfig, type AgentOptions, createAgent, type StopOptions } from './agent/agent.ts'
export type { AgentStatus } from './agent/agent-status.ts'
export type { AccessCheck } from './agent/enrolment.ts'
export type { ProcessError } from './agent/process-errors.ts'
export { configFromEnvironment } from './config/config-from-environment.ts'
export { configJsonSchema, type JsonSchema } from './config/config-schema.ts'
export { type Duration, toMilliseconds } from './config/duration.ts'
export { duration } from './config/option-schemas.ts'
export {
  agentConfigJsonSchema,
  agentOptionNames,
  type ParsedConfig,
  parseConfig,
  type RawConfig,
  secretOptionNames,
} from './config/parse-config.ts'
export type { RuntimeConfig } from './config/runtime-config.ts'
export type { Connector } from './connector/connector.ts'
export { isGuessable } from './delivery/report-redactor.ts'
export type { RenderedDeployment } from './deployment/describe-deployment.ts'
export { type DeploymentRequest, planDeployment } from './deployment/plan-deployment.ts'
export { environmentName } from './deployment/settings.ts'
export { AgentTokenError } from './errors/agent-token-error.ts'
export { ConfigError, type ConfigIssue } from './errors/config-error.ts'
export { ConnectionError } from './errors/connection-error.ts'
export { ConnectorError } from './errors/connector-error.ts'
export { HostPackageError } from './errors/host-package-error.ts'
export { PlatformUrlError } from './errors/platform-url-error.ts'
export { isRcaError, RcaError } from './errors/rca-error.ts'
export { ShellQuotingError } from './errors/shell-quoting-error.ts'
export { UnknownTypeError } from './errors/unknown-type-error.ts'
export { createTimeSlice, type InterruptibleTask, runInTimeSlices, runToEnd } from './event-loop.ts'
export { type Logger, silentLogger } from './logger.ts'
export { parseAgentToken } from './platform/agent-token.ts'
export { parseMinisignKey, verifyMinisign } from './platform/minisign.ts'
export { networkReason } from './platform/network-reason.ts'
export { isUnencrypted, parsePlatformUrl, platformUrlText } from './platform/platform-url.ts'
export type { ConnectorOrigin } from './platform/protocol.ts'
export { isSecretName } from './redaction/secret-names.ts'
export { createSecretReplacer } from './redaction/secret-replacer.ts'
export { addConnectors, type ChangeConnectorsOptions, removeConnectors } from './registry/add-connectors.ts'
export {
  type ConnectorsCommand,
  type ConnectorsCommandOptions,
  isConnectorsCommand,
  runConnectorsCommand,
} from './registry/connectors-command.ts'
export { readConnectorsFolder, shareCore } from './registry/connectors-folder.ts'
export { type DiscoverOptions, discoverConnectors } from './registry/discover-connectors.ts'
export { type InstalledConnector, listConnectors } from './registry/list-connectors.ts'
export { loadingConnectors } from './registry/load-connector.ts'
export {
  type ConnectorDescription,
  type ConnectorSummary,
  createRegistry,
  type Registry,
  type RegistryProblem,
} from './registry/registry.ts'
export {
  createStaticDescription,
  type DescribedPackage,
  readStaticDescription,
  STATIC_DESCRIPTION_FILE,
  type StaticDescription,
} from './registry/static-description.ts'
export { escapeTerminalJson, toTerminalJson, toTerminalLine, toTerminalText } from './terminal-text.ts'
export { CORE_VERSION } from './version.ts'
