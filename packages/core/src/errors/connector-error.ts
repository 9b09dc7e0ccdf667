import { RcaError } from './rca-error.ts'

/** A connector breaks the contract. Thrown while it is defined, loaded or identifies itself, never while it collects. */
export class ConnectorError extends RcaError {
  constructor(connector: string, problem: string, cause?: unknown) {
    super('RCA_CONNECTOR_INVALID', `The connector ${connector} cannot be used: ${problem}`, { cause })
  }
}
