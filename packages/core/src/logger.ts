/** Where an agent writes what people should know. pino and its likes fit as they are. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Writes warnings and errors to standard error, a line each. What an agent uses unless it is given a logger: trouble should not be silent. */
export const warningLogger: Logger = {
  ...silentLogger,
  warn: (fields, message) => writeLine('warning', fields, message),
  error: (fields, message) => writeLine('error', fields, message),
}

function writeLine(level: string, fields: Readonly<Record<string, unknown>>, message: string): void {
  const details = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`
  process.stderr.write(`rca ${level}: ${message}${details}\n`)
}
