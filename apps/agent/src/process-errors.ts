import type { Logger } from '@rca/core'
import { EXIT_CODES } from './exit.ts'

/** Distinct rejections whose stack is logged. Later ones may be a value that differs each time. */
const MAX_STACKS = 100

export interface ProcessErrorOptions {
  readonly logger: Logger
  /** The connector whose code this most likely is: the agent's own code handles its errors. */
  readonly agentType: string
  readonly redact: (text: string) => string
}

/**
 * Logs errors of a connector that concern the whole process, with their stack: an uncaught error or `process.exit`,
 * which end the agent, and an unhandled rejection, which does not. Returns a function that stops logging
 * `process.exit`.
 */
export function logProcessErrors({ logger, agentType, redact }: ProcessErrorOptions): () => void {
  const known = new Set<string>()
  process.on('unhandledRejection', (error) => {
    const reason = redact(String(error))
    const isNew = known.size < MAX_STACKS && !known.has(reason)
    if (isNew) known.add(reason)
    logger.error(
      { agent_type: agentType, reason, ...(isNew ? { stack: stackOf(error, redact) } : {}) },
      'unhandled promise rejection',
    )
  })
  process.on('uncaughtException', (error) => {
    process.exit = exit
    logger.error(
      { agent_type: agentType, reason: redact(String(error)), stack: stackOf(error, redact) },
      'uncaught error: the agent ends',
    )
    process.exit(EXIT_CODES.crashed)
  })
  const { exit } = process
  process.exit = (code) => {
    process.exit = exit
    const stack = stackOf(new Error('process.exit'), redact)
    logger.error(
      { agent_type: agentType, exit_code: code ?? process.exitCode ?? 0, stack },
      'process.exit was called: the agent ends',
    )
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
