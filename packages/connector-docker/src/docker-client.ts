import type { ConnectContext, EntityReference } from '@rca/core/connector'
import type { DockerConfig } from './config.ts'
import type { EngineApi, EngineInfo } from './engine/engine-api.ts'
import type { History } from './events/event-history.ts'
import type { Inventory } from './inventory.ts'
import type { UsageReader } from './usage/container-usage.ts'

/** What collectors and watchers are given: an engine, and what has been learnt of it. */
export interface DockerClient {
  readonly config: DockerConfig
  readonly engine: EngineApi
  /** As it was when the client was opened: its identity does not change. */
  readonly info: EngineInfo
  readonly entity: EntityReference
  /** The machine below, where its id can be read. */
  readonly host: EntityReference | undefined
  /** Every container of the engine, inspected when it changed and not before. */
  readonly inventory: Inventory
  /** What running containers use: from the host's control groups where they can be seen, or else from the engine. */
  readonly usage: UsageReader
  /** What the event stream has told so far. */
  readonly history: History
  /** A keyed hash: tells whether a secret changed, and nothing else. */
  readonly keyedHash: (text: string) => string
  readonly log: ConnectContext<unknown>['log']
}
