import type { ConnectContext, EntityReference } from '@rca/core/connector'
import type { DockerConfig } from './config.ts'
import type { EngineApi, EngineInfo } from './engine/engine-api.ts'
import type { EngineClock } from './engine/engine-clock.ts'
import type { EventHistory } from './events/event-history.ts'
import type { KeptLogs } from './evidence/kept-logs.ts'
import type { Inventory } from './inventory.ts'
import type { UsageReader } from './usage/usage-reader.ts'

/** Connection to one engine, with the state that collectors and the event watcher share. */
export interface DockerClient {
  readonly config: DockerConfig
  readonly engine: EngineApi
  /** Description of the engine at the time of the connection. Its identity does not change later. */
  readonly info: EngineInfo
  readonly entity: EntityReference
  /** Host on which the engine runs, when its machine id can be read. */
  readonly host: EntityReference | undefined
  readonly inventory: Inventory
  readonly usage: UsageReader
  readonly history: EventHistory
  readonly clock: EngineClock
  readonly keptLogs: KeptLogs
  readonly keyedHash: (text: string) => string
  readonly log: ConnectContext<unknown>['log']
}
