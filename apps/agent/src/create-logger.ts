import type { Logger } from '@rca/core'
import { destination, pino, stdTimeFunctions } from 'pino'

/** Logs JSON lines to standard error, so that standard output is a command's result alone. */
export function createLogger(level: 'debug' | 'info' | 'warn' | 'error'): Logger {
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination({ fd: 2, sync: true }),
  )
}
