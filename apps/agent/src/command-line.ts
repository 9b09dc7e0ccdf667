import { CORE_VERSION, type Registry } from '@rca/core'
import { Command } from 'commander'
import { collect } from './commands/collect.ts'
import { doctor } from './commands/doctor.ts'
import { run } from './commands/run.ts'
import { types } from './commands/types.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { exitWith } from './exit-with.ts'
import { listenForStop } from './stop-requests.ts'

const VARIABLES = `
Environment:
  PLATFORM_API_URL   the platform's address
  AGENT_TOKEN        the environment's token, or AGENT_TOKEN_FILE: a file that holds it
  AGENT_TYPE         what to watch; \`rca-agent types\` lists what is installed
  RCA_STATE_DIR      where the agent keeps what outlives a restart
  RCA_HEALTH_PORT    port of GET /healthz on loopback (8687), or \`off\`
  …                  every option in upper snake case, such as LOG_LEVEL or COLLECT_INTERVAL

Exit codes: 0 stopped on request or all is well, 1 unexpected error, 2 wrong configuration, 3 doctor or collect found a problem.`

/** Reads the words behind `rca-agent` and does what they say. */
export async function runCommandLine(registry: Registry, words: readonly string[]): Promise<void> {
  const program = new Command('rca-agent')
    .description(
      'Watches infrastructure and tells the platform what runs there, how it is doing and what just changed.',
    )
    .version(CORE_VERSION)
    .addHelpText('after', VARIABLES)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage))
  program
    .command('run')
    .description('watch until stopped')
    .action(() => exitWith(() => run(registry, process.env, listenForStop())))
  program
    .command('collect')
    .description('print one report as JSON; needs neither platform nor token')
    .option('--type <type>', 'what to watch instead of AGENT_TYPE')
    .action((options: { type?: string }) => exitWith(() => collect(registry, process.env, options.type)))
  program
    .command('types')
    .description('list the installed types')
    .option('--json', 'with their options, as JSON')
    .action((options: { json?: boolean }) => exitWith(() => types(registry, { json: options.json === true })))
  program
    .command('doctor')
    .description('check configuration, platform, token and access, and say what to fix')
    .action(() => exitWith(() => doctor(registry, process.env)))
  await program.parseAsync(words, { from: 'user' })
}
