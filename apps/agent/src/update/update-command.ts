import { type Command, Option } from 'commander'
import { EXIT_CODES, exitWith } from '../exit.ts'
import { findServiceManager } from '../service/find-service-manager.ts'
import { createLayout } from '../service/layout.ts'
import { thisMachine } from '../service/machine.ts'
import { ownPrefix } from '../service/release.ts'
import { DEFAULT_WAIT_SECONDS, readWait, reportFailure, withLock } from '../service/service-command.ts'
import { ServiceError } from '../service/service-error.ts'
import type { UpdateTarget } from './update.ts'

interface UpdateOptions {
  readonly prefix?: string
  readonly check?: boolean
  readonly version?: string
  readonly wait?: string
  readonly unattended?: boolean
}

/** Adds `rca-agent update` and its commands. */
export function addUpdateCommand(program: Command): void {
  const prefix = (): Option =>
    new Option('--prefix <folder>', 'folder of the installation (default: the one of this program, or /opt/rca-agent)')
  const update = program
    .command('update')
    .description("compare the installed version with the platform's newest")
    .enablePositionalOptions()
    .addOption(prefix())
    .option('--check', 'print both versions; exit with 4 when the installed one is older')
    .action((options: UpdateOptions) => exitWith(() => reportFailure(() => check(options))))
  update
    .command('apply')
    .description("upgrade the service to the platform's newest version, and roll back unless it reports")
    .addOption(prefix())
    .option('--version <version>', 'version to install, also an older one')
    .option('--wait <seconds>', 'time for the first accepted heartbeat; 0 does not wait', DEFAULT_WAIT_SECONDS)
    .option('--unattended', 'do nothing unless AUTO_UPDATE is `on` and the service runs')
    .action((options: UpdateOptions) => exitWith(() => reportFailure(() => apply(options))))
}

async function check(options: UpdateOptions): Promise<number> {
  if (options.check !== true)
    throw new ServiceError('usage', 'use `rca-agent update --check` or `rca-agent update apply`')
  const { checkForUpdate } = await import('./update.ts')
  const isBehind = await checkForUpdate({ ...(await readTarget(options)), signal: new AbortController().signal })
  return isBehind ? EXIT_CODES.behind : EXIT_CODES.ok
}

async function apply(options: UpdateOptions): Promise<number> {
  const waitMs = readWait(options)
  const { applyUpdate } = await import('./update.ts')
  const target = await readTarget(options)
  await withLock(target, (signal) =>
    applyUpdate(
      { ...target, signal },
      {
        version: options.version,
        waitSeconds: String(waitMs / 1000),
        manager: findServiceManager(target.machine, target.layout),
        isUnattended: options.unattended === true,
        become,
      },
    ),
  )
  return EXIT_CODES.ok
}

async function readTarget(options: UpdateOptions): Promise<Omit<UpdateTarget, 'signal'>> {
  const machine = thisMachine()
  if (machine.platform !== 'linux' && machine.platform !== 'darwin')
    throw new ServiceError('unsupportedSystem', `the service of ${machine.platform} is not updated by this command`)
  if (!machine.isRoot)
    throw new ServiceError('notRoot', 'only root can read the configuration of the service. Run the command with sudo')
  const layout = createLayout(machine.platform, options.prefix ?? ownPrefix())
  const { connectAsAgent, readInstalledEnvironment } = await import('./platform-connection.ts')
  const environment = readInstalledEnvironment(machine, layout)
  return { machine, layout, environment, platform: connectAsAgent(environment, machine) }
}

/** Does not pass variables on: a token among them would be taken for a new configuration. */
async function become(program: string, words: readonly string[]): Promise<never> {
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', LANG } = process.env
  process.execve?.(program, [program, ...words], { PATH, ...(LANG === undefined ? {} : { LANG }) })
  throw new ServiceError('unsupportedSystem', 'this system cannot replace a process with another program')
}
