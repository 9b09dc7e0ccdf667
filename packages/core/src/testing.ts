/*
 * The parts of core that `@rca/connector-testkit` runs connectors with. Made for the test kit of the same version: not
 * part of the contract, and changed without notice.
 */

export { createCollectorRunner } from './agent/collect/collector-runner.ts'
export { createEventLoopMonitor } from './agent/collect/event-loop-monitor.ts'
export { createEntityTracker, entityKey } from './agent/report/entity-diff.ts'
export { declaredSignals } from './agent/validate/declared-signals.ts'
export { createSignalValidator, type ValidatedSignals } from './agent/validate/validate-signals.ts'
export { type ConfigSchema, configJsonSchema } from './config/config-schema.ts'
export { resolveReference } from './config/json-schema.ts'
export type { Identity } from './connector/connector.ts'
export { CONTRACT, isConnector, markConnector, NAME_PATTERN, unmarkedSecret } from './connector/define-connector.ts'
export type { SignalCatalog } from './connector/signal-catalog.ts'
export { reasonOf } from './errors/error-reason.ts'
export { runToEnd } from './event-loop.ts'
export { AGENT_PATHS, dataRequestSchema, heartbeatRequestSchema } from './platform/protocol.ts'
export { writtenForms } from './redaction/secret-replacer.ts'
export { type ConnectorManifest, isOwnPackage, manifestWarnings, parseManifest } from './registry/manifest.ts'
export { resolveModule } from './registry/resolve-module.ts'
