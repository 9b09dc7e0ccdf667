import { RcaError } from './rca-error.ts'

/** Thrown if no connector of a type is installed. */
export class UnknownTypeError extends RcaError {
  readonly agentType: string
  readonly supportedTypes: readonly string[]

  constructor(agentType: string, supportedTypes: readonly string[], suggestion?: string) {
    const known =
      supportedTypes.length > 0
        ? `Supported: ${supportedTypes.map((type) => `\`${type}\``).join(', ')}.`
        : 'No connector is installed.'
    const hint = suggestion === undefined ? '' : ` Did you mean \`${suggestion}\`?`
    super(
      'RCA_TYPE_UNKNOWN',
      `No connector supports the agent type \`${agentType}\`.${hint} ${known} To add a type, install the connector's package as a dependency of the program.`,
    )
    this.agentType = agentType
    this.supportedTypes = supportedTypes
  }
}
