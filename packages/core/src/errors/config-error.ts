import { RcaError } from './rca-error.ts'

/** A problem in a configuration. */
export interface ConfigIssue {
  /** Keys that lead to the value, outermost first. */
  readonly path: readonly (string | number)[]
  /** The problem and what to do. Never contains a secret. */
  readonly message: string
}

/** Thrown if an agent's configuration is invalid. `issues` holds every problem, not only the first. */
export class ConfigError extends RcaError {
  readonly issues: readonly ConfigIssue[]

  constructor(agentType: string, issues: readonly ConfigIssue[]) {
    const lines = issues.map(({ path, message }) => {
      if (path.length === 0) return message
      // A message that begins with a verb continues the sentence: "`socket` must be …".
      return `\`${path.join('.')}\`${/^(?:must|is|are) /.test(message) ? '' : ':'} ${message}`
    })
    super('RCA_CONFIG_INVALID', `The configuration of the \`${agentType}\` agent is not valid. ${lines.join(' ')}`)
    this.issues = issues
  }
}
