import { toTerminalJson } from './terminal-text.ts'

/** Receives an agent's log messages. A pino logger can be passed as it is. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** Discards every message. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Writes warnings and errors to standard error, one line each. The default of agents: problems must not be silent. */
export const warningLogger: Logger = {
  ...silentLogger,
  warn: (fields, message) => writeLine('warning', fields, message),
  error: (fields, message) => writeLine('error', fields, message),
}

function writeLine(level: string, fields: Readonly<Record<string, unknown>>, message: string): void {
  const details = Object.keys(fields).length === 0 ? '' : ` ${toTerminalJson(fields)}`
  process.stderr.write(`rca ${level}: ${message}${details}\n`)
}
