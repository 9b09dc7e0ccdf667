import { RcaError } from './rca-error.ts'

/** Thrown if a connector breaks the contract: when it is defined or loaded, or identifies what it watches. */
export class ConnectorError extends RcaError {
  constructor(connector: string, problem: string, cause?: unknown) {
    super('RCA_CONNECTOR_INVALID', `The connector ${connector} cannot be used: ${problem}`, { cause })
  }
}
