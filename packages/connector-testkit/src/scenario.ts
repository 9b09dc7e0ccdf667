import type { RawConfig } from '@rca/core'

/** Makes a system misbehave. Returns the function that makes it work again. */
export type Fault = () => Undo | Promise<Undo>

/** Ends a fault. */
export type Undo = () => void | Promise<void>

/**
 * The system that a connector watches in a scenario, such as a fake server with recorded answers. Everything but
 * `close` is optional: each part allows further checks.
 */
export interface ScenarioSystem {
  /** Options that lead to the system, such as its address. They override those of the scenario. */
  readonly options?: RawConfig
  /** Address of the system that errors name, if it is not one of the options. */
  readonly address?: string
  /** Faults by name, such as `GET /queues answers 500`. Each must be noticed by a collector. */
  readonly faults?: Readonly<Record<string, Fault>>
  /** Refuses every request for lack of permission. */
  readonly deny?: Fault
  /** Accepts connections and never answers. */
  readonly silence?: Fault
  /** Leaves nothing to watch but the system itself, without an error. */
  readonly empty?: Fault
  /** Serves its lists in several pages, with the same content as before. */
  readonly pages?: Fault
  /** Serves a page again in place of the next one, for ever. */
  readonly samePage?: Fault
  /** Makes the system do something that its watchers report. Called once they follow it. */
  readonly act?: () => void | Promise<void>
  /**
   * Number of events that all watchers together report after `act`, or the names of the events that are waited for.
   * @default each watcher reports at least one
   */
  readonly actEvents?: number | readonly string[]
  /** Interrupts the streams that watchers follow. */
  readonly breakStreams?: () => void | Promise<void>
  /** Returns the number of requests so far. */
  readonly requests?: () => number
  /**
   * Returns the permissions that the requests so far needed, by their names in `rca-kit.permissions` of package.json,
   * such as `lambda:ListFunctions`.
   */
  readonly permissions?: () => readonly string[]
  /** Secrets that the system shows to its clients, beside those in options. Nothing reported may contain them. */
  readonly secrets?: readonly string[]
  /** Values of variables, arguments and headers of what is watched. Nothing reported may contain them. */
  readonly environment?: readonly string[]
  /** Closes the system. Idempotent. */
  close(): void | Promise<void>
}

/** A situation in which a connector is checked. */
export interface Scenario {
  /** @default `scenario 1` and so on */
  readonly name?: string
  /** Options as an operator writes them. @default {} */
  readonly options?: RawConfig
  /** Starts a system, once for each check that needs one for itself. @default `options` lead to a running system */
  readonly start?: () => ScenarioSystem | Promise<ScenarioSystem>
  /** Time at which the scenario begins. Set it for recorded answers. @default now */
  readonly at?: Date | string
  /** Time between two rounds of collection. @default 15000 */
  readonly intervalMs?: number
  /** Requests that one round of all collectors may make. @default no limit */
  readonly maxRequests?: number
  /** Points that a round may report for one entity. @default 200 */
  readonly maxPointsPerEntity?: number
}
