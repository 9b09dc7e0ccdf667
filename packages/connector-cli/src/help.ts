import type { CliCommand } from './command.ts'

/** Returns the list of commands. */
export function help(commands: Readonly<Record<string, CliCommand>>): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`)
  return [
    'Usage: rca-connector COMMAND, in the folder of a connector',
    '',
    ...rows,
    '',
    'rca-connector COMMAND --help lists the flags.',
  ].join('\n')
}

/** Returns usage and flags of a command. */
export function commandHelp(name: string, { summary, usage, flags = {} }: CliCommand): string {
  const rows = Object.entries(flags).map(([flag, { type, summary: line }]) => {
    const word = type === 'string' ? `--${flag} TEXT` : `--${flag}`
    return `  ${word.padEnd(20)} ${line}`
  })
  return [`Usage: rca-connector ${[name, usage].join(' ').trim()}: ${summary}`, ...rows].join('\n')
}
