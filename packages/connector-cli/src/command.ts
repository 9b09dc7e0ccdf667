import type { ParseArgsConfig } from 'node:util'

/** A command of `rca-connector`. */
export interface CliCommand {
  /** One line of the help. */
  readonly summary: string
  /** Arguments after the command's name, as the help shows them. */
  readonly usage: string
  /** Flags, with a line of help each. */
  readonly flags?: Readonly<Record<string, CliFlag>>
  /** Passes everything after the command's name on, without reading flags. @default false */
  readonly passesArguments?: boolean
  /** Returns the exit code. */
  run(call: CliCall): Promise<number>
}

/** A flag of a command. */
export interface CliFlag {
  readonly type: 'boolean' | 'string'
  /** Allows repetition. @default false */
  readonly multiple?: boolean
  readonly summary: string
}

/** Values of flags, by name. */
export type CliFlags = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

/** One call of a command. */
export interface CliCall {
  /** Folder of the connector's package. */
  readonly folder: string
  readonly flags: CliFlags
  readonly words: readonly string[]
  print(line: string): void
}

/** Returns the flags of a command as `parseArgs` reads them. */
export function parserOptions(flags: Readonly<Record<string, CliFlag>> = {}): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  )
}
