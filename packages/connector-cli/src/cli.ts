import { parseArgs } from 'node:util'
import { CliError } from './cli-error.ts'
import { type CliCommand, parserOptions } from './command.ts'
import { commands } from './commands.ts'
import { commandHelp, help } from './help.ts'

const USAGE_ERROR = 2

/** Surroundings of a call. */
export interface CliContext {
  /** Folder of the connector's package. */
  readonly folder: string
  print(line: string): void
  printError(line: string): void
}

/** Runs `rca-connector` with its arguments. Returns the exit code. */
export async function runCli([name = '--help', ...words]: readonly string[], context: CliContext): Promise<number> {
  const { folder, print, printError } = context
  if (name === '--help' || name === '-h' || name === 'help') {
    print(help(commands))
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    printError(`rca-connector has no command \`${name}\`.\n${help(commands)}`)
    return USAGE_ERROR
  }
  if (command.passesArguments !== true && words.some((word) => word === '--help' || word === '-h')) {
    print(commandHelp(name, command))
    return 0
  }
  try {
    return await command.run({ folder, print, ...read(command, words) })
  } catch (error) {
    const isUsage = isUsageError(error)
    if (!(error instanceof CliError) && !isUsage) throw error
    printError(`rca-connector ${name}: ${(error as Error).message}`)
    if (isUsage) printError(commandHelp(name, command))
    return isUsage ? USAGE_ERROR : 1
  }
}

function read(command: CliCommand, words: readonly string[]) {
  if (command.passesArguments === true) return { flags: {}, words }
  const options = parserOptions(command.flags)
  const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: command.usage !== '' })
  return { flags: values, words: positionals }
}

function isUsageError(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
}
