import { escapeTerminalJson, type Logger } from '@rca/core'
import { destination, pino, stdTimeFunctions } from 'pino'

/** Creates a logger that writes JSON lines to standard error: standard output holds only a command's result. */
export function createLogger(level: 'debug' | 'info' | 'warn' | 'error'): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: escapeTerminalJson },
    },
    destination({ fd: 2, sync: true }),
  )
}
