import { RcaError } from './rca-error.ts'

/** One thing that is wrong with a configuration. */
export interface ConfigIssue {
  /** Keys that lead to the value, outermost first. */
  readonly path: readonly (string | number)[]
  /** The problem and what to do. Never contains the value. */
  readonly message: string
}

/** A connector's configuration was not accepted. `issues` holds every problem, not only the first. */
export class ConfigError extends RcaError {
  readonly issues: readonly ConfigIssue[]

  constructor(agentType: string, issues: readonly ConfigIssue[]) {
    const lines = issues.map(
      (issue) => `${issue.path.length > 0 ? `\`${issue.path.join('.')}\`: ` : ''}${issue.message}`,
    )
    super('RCA_CONFIG_INVALID', `The configuration of the \`${agentType}\` agent is not valid. ${lines.join(' ')}`)
    this.issues = issues
  }
}
