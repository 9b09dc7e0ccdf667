import { RcaError } from './rca-error.ts'

/** Thrown if the agent's token is invalid. The message never contains the token. */
export class AgentTokenError extends RcaError {
  constructor(problem: string) {
    super(
      'RCA_AGENT_TOKEN_INVALID',
      `\`agentToken\` ${problem}. Use the \`agent_token\` that the platform showed once when the environment was provisioned`,
    )
  }
}
