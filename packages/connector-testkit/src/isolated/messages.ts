import type { CheckDescription, CheckResult } from '../check.ts'

/** First argument of a check process, as JSON. */
export interface CheckProcessSetup {
  /** Folder of the connector's package, built. */
  readonly packageFolder: string
  /** Module that exports `scenarios`. Absent if there are none. */
  readonly scenariosModule?: string | undefined
  /** Arguments of Node.js for processes that import the package. */
  readonly nodeArguments: readonly string[]
  /** Why the package must not be imported: it ended an earlier process. */
  readonly withoutConnector?: string | undefined
  /** Why the scenarios that checks share must not run: they ended an earlier process. */
  readonly withoutRehearsal?: string | undefined
}

/** A message to a check process: the number of the check to make. */
export interface CheckRequest {
  readonly make: number
}

/** A message of a check process. */
export type CheckMessage =
  | { readonly kind: 'ready'; readonly checks: readonly CheckDescription[] }
  /** The checks cannot be made, for example since the settings of the kit are invalid. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Sent before the scenarios run that checks share. */
  | { readonly kind: 'rehearsing' }
  | { readonly kind: 'result'; readonly result: CheckResult }
