/** Where an agent writes what people should know. pino and its likes fit as they are. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** Says nothing. What an agent uses unless it is given a logger. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
