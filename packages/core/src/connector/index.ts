export { excludeNames, includeNames, type NameFilter } from '../config/name-filter.ts'
export { option } from '../config/option-schemas.ts'
export { type Command, command } from '../deployment/command.ts'
export type { Deployment, DeploymentTarget } from '../deployment/deployment.ts'
export { powershell } from '../deployment/powershell.ts'
export { settings } from '../deployment/settings.ts'
export { createTimeSlice, inTimeSlices } from '../event-loop.ts'
export { exitSignal } from '../evidence/exit-signal.ts'
export { tailOf } from '../evidence/log-tail.ts'
export { redactSecrets } from '../redaction/redact-secrets.ts'
export { supervise } from '../supervise.ts'
export type {
  CollectContext,
  Collector,
  ConnectContext,
  Connector,
  StreamingCollector,
  WatchContext,
  Watcher,
} from './connector.ts'
export { openCursor } from './cursor.ts'
export { defineConnector } from './define-connector.ts'
export { createEventSampler, type EventSample } from './event-sampler.ts'
export { hostId } from './host-id.ts'
export {
  type EntityDefinition,
  type EventDefinition,
  entity,
  event,
  type MetricDefinition,
  metric,
} from './signal-catalog.ts'
export {
  type Entity,
  type EntityReference,
  type Event,
  type Metric,
  mergeSignals,
  type Signals,
} from './signals.ts'
