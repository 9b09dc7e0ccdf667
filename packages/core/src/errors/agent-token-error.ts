import { RcaError } from './rca-error.ts'

/** The agent's token cannot be used. The message never contains it. */
export class AgentTokenError extends RcaError {
  constructor(problem: string) {
    super(
      'RCA_AGENT_TOKEN_INVALID',
      `\`agentToken\` ${problem}. Use the \`agent_token\` that the platform showed once when the environment was provisioned`,
    )
  }
}
