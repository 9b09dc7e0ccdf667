import { parentPort, workerData } from 'node:worker_threads'
import {
  agentConfigJsonSchema,
  type ConfigIssue,
  ConnectorError,
  type DeploymentRequest,
  discoverConnectors,
  isRcaError,
  type JsonSchema,
  shareCore,
} from '@rca/core'
import { type DeploymentPlan, planWith } from './connector-host.ts'

/** The connector of a thread. */
export interface ConnectorOfThread {
  readonly type: string
  /** The connector's name in errors. */
  readonly name: string
  /** Files whose dependencies are searched for the connector. */
  readonly searched: readonly string[]
}

/** Asks for a deployment plan, or, without `plan`, for the options. */
export interface ThreadRequest {
  readonly plan?: DeploymentRequest
}

/** A connector that could not do something. Structured clones of errors lose their codes. */
export interface ThreadFailure {
  /** Code of core's error. Absent for other errors. */
  readonly code?: string
  readonly message: string
  /** Stack of the error of its code, for the log. */
  readonly stack?: string | undefined
  readonly issues?: readonly ConfigIssue[]
}

/** Messages of the thread: `loaded` once, or the failure to load, then an answer to each request. */
export type ThreadMessage =
  | { readonly loaded: true }
  | { readonly options: JsonSchema }
  | { readonly plan: DeploymentPlan }
  | { readonly failure: ThreadFailure }

const { type, name, searched } = workerData as ConnectorOfThread
const port = parentPort

const send = (message: ThreadMessage): void => port?.postMessage(message)

/** An error that is not core's own is the connector's: its code has changed what core uses in this thread. */
function toFailure(cause: unknown): ThreadFailure {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const error = isRcaError(cause)
    ? cause
    : new ConnectorError(name, `its thread failed: ${reason.replace(/\.$/, '')}. Update or remove the package.`, cause)
  const { issues } = error as { readonly issues?: readonly ConfigIssue[] }
  const stack = error.cause instanceof Error ? error.cause.stack : undefined
  return { code: error.code, message: error.message, stack, ...(issues === undefined ? {} : { issues }) }
}

try {
  // Hooks of the API's own thread do not apply here. The second file is that of the folder of connectors.
  if (searched.length > 1) shareCore()
  const registry = await discoverConnectors({ from: searched })
  const connector = await registry.connector(type)
  port?.on('message', ({ plan }: ThreadRequest) => {
    try {
      send(
        plan === undefined ? { options: agentConfigJsonSchema(connector) } : { plan: planWith(connector, name, plan) },
      )
    } catch (error) {
      send({ failure: toFailure(error) })
    }
  })
  send({ loaded: true })
} catch (error) {
  send({ failure: toFailure(error) })
}
