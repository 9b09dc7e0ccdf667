import { RcaError } from './rca-error.ts'

/** No connector of that type is installed. */
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
      `There is no connector for the agent type \`${agentType}\`.${hint} ${known} To add one, install its package beside the program that uses it.`,
    )
    this.agentType = agentType
    this.supportedTypes = supportedTypes
  }
}
