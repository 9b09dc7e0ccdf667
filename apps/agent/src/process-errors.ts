import { type Agent, type Logger, loadingConnectors, type ProcessError } from '@rca/core'
import { EXIT_CODES } from './exit.ts'

/** Names a connector on standard error if the process ends while it is loaded: before there is a log. */
export function nameLoadingConnectors(): void {
  process.on('exit', (code) => {
    const loading = loadingConnectors().join(', ')
    if (loading !== '')
      process.stderr.write(
        `The process ends with exit code ${code} while it loads the connector of ${loading}. If the package calls \`process.exit\`, update or remove it.\n`,
      )
  })
}

/** Distinct rejections that are logged as errors. Later ones may be a value that differs each time. */
const MAX_LOGGED = 100

export interface ProcessErrorOptions {
  readonly logger: Logger
  /** The connector whose code this most likely is: the agent's own code handles its errors. */
  readonly agentType: string
  readonly redact: (text: string) => string
  /** Gets the errors too: a rejection is a gap, the end of the process an event of the next run. */
  readonly agent: Pick<Agent, 'recordProcessError'>
  /** The connector's package, if it is known. */
  readonly package?: ProcessError['package']
}

/**
 * Logs errors of a connector that concern the whole process, with their stack: an uncaught error or `process.exit`,
 * which end the agent, and each unhandled rejection once, which does not. Records them with the agent. Returns a
 * function that stops logging `process.exit`.
 */
export function logProcessErrors({ logger, agentType, redact, agent, ...origin }: ProcessErrorOptions): () => void {
  const known = new Set<string>()
  process.on('unhandledRejection', (error) => {
    agent.recordProcessError({ origin: 'unhandledRejection', error })
    const reason = redact(String(error))
    const isNew = known.size < MAX_LOGGED && !known.has(reason)
    if (isNew) known.add(reason)
    const fields = { agent_type: agentType, reason }
    if (isNew) logger.error({ ...fields, stack: stackOf(error, redact) }, 'unhandled promise rejection')
    else logger.debug(fields, 'unhandled promise rejection')
  })
  process.on('uncaughtException', (error) => {
    process.exit = exit
    logger.error(
      { agent_type: agentType, reason: redact(String(error)), stack: stackOf(error, redact) },
      'uncaught error: the agent ends',
    )
    agent.recordProcessError({ origin: 'uncaughtException', error, ...origin })
    process.exit(EXIT_CODES.crashed)
  })
  const { exit } = process
  process.exit = (code) => {
    process.exit = exit
    const error = new Error('process.exit')
    const exitCode = Number(code ?? process.exitCode ?? 0)
    logger.error(
      { agent_type: agentType, exit_code: exitCode, stack: stackOf(error, redact) },
      'process.exit was called: the agent ends',
    )
    agent.recordProcessError({ origin: 'exit', error, exitCode, ...origin })
    return exit(code)
  }
  return () => {
    process.exit = exit
  }
}

function stackOf(error: unknown, redact: (text: string) => string): string | undefined {
  const stack = error instanceof Error ? error.stack : undefined
  return stack === undefined ? undefined : redact(stack)
}
