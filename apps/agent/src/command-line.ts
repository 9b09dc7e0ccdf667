import { CORE_VERSION, type Registry } from '@rca/core'
import { Command, Option } from 'commander'
import { type CollectOptions, collect } from './commands/collect.ts'
import { connectors } from './commands/connectors.ts'
import { doctor } from './commands/doctor.ts'
import { run } from './commands/run.ts'
import { types } from './commands/types.ts'
import { AGENT_VARIABLES } from './environment.ts'
import { EXIT_CODES, exitWith } from './exit.ts'
import { addServiceCommand } from './service/service-command.ts'
import { print } from './standard-output.ts'
import { waitForStopSignal } from './stop-signal.ts'
import { addUpdateCommand } from './update/update-command.ts'

const ENVIRONMENT_HELP = `
Environment:
${Object.entries({ ...AGENT_VARIABLES, '…': 'every option in upper snake case, such as LOG_LEVEL or COLLECT_INTERVAL' })
  .map(([name, description]) => `  ${name.padEnd(18)} ${description}`)
  .join('\n')}

Exit codes: 0 stopped by a signal or succeeded, 1 unexpected error, 2 wrong configuration, 3 doctor or collect found a problem, 4 an update is available.`

/** Runs the command that the words after `rca-agent` name. */
export async function runCommandLine(registry: Registry, words: readonly string[]): Promise<void> {
  const program = new Command('rca-agent')
    .description(
      'Root-cause analysis (RCA) agent: watches infrastructure and reports topology, health and changes to the platform.',
    )
    .configureOutput({ writeOut: print })
    .version(CORE_VERSION)
    // `update apply` has a --version of its own.
    .enablePositionalOptions()
    .addHelpText('after', ENVIRONMENT_HELP)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage))
  program
    .command('run')
    .description('watch and report until SIGTERM or SIGINT')
    .action(() => exitWith(() => run(registry, process.env, waitForStopSignal())))
  program
    .command('collect')
    .description('print one report; needs neither platform nor token')
    .option('--type <type>', 'type to watch, instead of AGENT_TYPE')
    .option('--collector <names>', 'run these collectors alone, such as cpu,disks')
    .addOption(new Option('--text', 'print a line for each signal').conflicts('json'))
    .option('--json', 'print JSON (default)')
    .action((options: CollectOptions) => exitWith(() => collect(registry, process.env, options)))
  program
    .command('types')
    .description('list the installed types')
    .option('--json', 'print types and their options as JSON')
    .action((options: { json?: boolean }) => exitWith(() => types(registry, { json: options.json === true })))
  program
    .command('doctor')
    .description('check configuration, platform, token and access, and print what to fix')
    .option('--json', 'print the findings as JSON')
    .action((options: { json?: boolean }) => exitWith(() => doctor(registry, process.env, options)))
  program
    .command('add')
    .description('add connectors to the folder of RCA_CONNECTORS, with npm')
    .argument('<packages...>', 'names of packages, tarballs or folders')
    .action((packages: string[]) => exitWith(() => connectors('add', process.env, { packages })))
  program
    .command('remove')
    .description('remove connectors from the folder of RCA_CONNECTORS')
    .argument('<packages...>', 'names of packages')
    .action((packages: string[]) => exitWith(() => connectors('remove', process.env, { packages })))
  program
    .command('list')
    .description('list the connectors of the folder of RCA_CONNECTORS, and load each')
    .option('--json', 'print JSON in one line')
    .action((options: { json?: boolean }) =>
      exitWith(() => connectors('list', process.env, { json: options.json === true })),
    )
  addServiceCommand(program, registry)
  addUpdateCommand(program)
  await program.parseAsync(words, { from: 'user' })
}
