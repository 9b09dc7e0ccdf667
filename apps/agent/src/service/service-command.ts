import type { Registry } from '@rca/core'
import { isRcaError, toTerminalText } from '@rca/core'
import { type Command, Option } from 'commander'
import { EXIT_CODES, exitWith } from '../exit.ts'
import { findConnectors } from '../find-connectors.ts'
import { type ConfigurationOptions, readConfiguration } from './configuration.ts'
import { configure } from './configure.ts'
import { findServiceManager } from './find-service-manager.ts'
import { waitForHeartbeat } from './heartbeat-watch.ts'
import { install } from './install.ts'
import { createLayout, type Layout } from './layout.ts'
import { takeLock } from './lock.ts'
import { type AgentHealth, type Machine, thisMachine } from './machine.ts'
import { discardRelease, findRelease, ownPrefix } from './release.ts'
import { runConfigured } from './run-configured.ts'
import { runService } from './run-service.ts'
import { SERVICE_EXIT_CODES, ServiceError, toServiceError } from './service-error.ts'
import { removePrefix, uninstall } from './uninstall.ts'

interface ServiceOptions extends ConfigurationOptions {
  readonly prefix?: string
  readonly wait?: string
  readonly service?: boolean
  readonly dryRun?: boolean
}

export const DEFAULT_WAIT_SECONDS: string = '60'

/** Adds `rca-agent service` and its commands. */
export function addServiceCommand(program: Command, registry: Registry): void {
  const service = program.command('service').description('install, change or remove the agent as a service')
  const prefix = (): Option =>
    new Option('--prefix <folder>', 'folder of the installation (default: the one of this program, or /opt/rca-agent)')
  const command = (name: string, description: string, action: (context: Context) => Promise<number>): Command =>
    service
      .command(name)
      .description(description)
      .addOption(prefix())
      .action((options: ServiceOptions) => exitWith(() => runServiceCommand(registry, options, action)))
  const wait = (): Option =>
    new Option('--wait <seconds>', 'time for the first accepted heartbeat; 0 does not wait').default(
      DEFAULT_WAIT_SECONDS,
    )

  const install = command('install', 'install this version as a service, or upgrade the service to it', installCommand)
  addConfigurationOptions(install)
    .option('--no-service', 'install without a service, and print the command that runs the agent')
    .option('--dry-run', 'print what would be done, and change nothing')
    .addOption(wait())
  const configureCommand = service
    .command('configure')
    .description('check a configuration and write it into a folder, for installers that start the agent themselves')
    .requiredOption('--folder <folder>', 'folder that gets `agent.env`')
  addConfigurationOptions(configureCommand).action((options: ConfigurationOptions & { readonly folder: string }) =>
    exitWith(() => reportFailure(async () => configure(options, process.env, await connectorsOf(options, registry)))),
  )
  command('start', 'start the service, or restart it', startCommand).addOption(wait())
  command('stop', 'stop the service until the next start of the machine', stopCommand)
  command('status', 'print whether the service runs, and its last accepted heartbeat', statusCommand)
  service
    .command('run')
    .description('become the installed agent, for supervisors that have no service of this command')
    .addOption(prefix())
    .option('--folder <folder>', 'run the agent that `service configure` has prepared in this folder instead')
    .action((options: ServiceOptions & { readonly folder?: string }) =>
      exitWith(() =>
        options.folder === undefined
          ? runServiceCommand(registry, options, ({ machine, layout }) => runService(machine, layout))
          : reportFailure(() => runConfigured(options.folder as string)),
      ),
    )
  command('uninstall', 'remove the service and everything that was installed', uninstallCommand).option(
    '--dry-run',
    'print what would be done, and change nothing',
  )
}

/** Adds the options that become the agent's environment. */
function addConfigurationOptions(command: Command): Command {
  return command
    .option('--platform-url <url>', "the platform's address")
    .option('--agent-token <token>', 'token that the platform showed, preferably in the variable AGENT_TOKEN')
    .option('--agent-type <type>', 'what to watch; `rca-agent types` lists the installed types')
    .option(
      '--set <name=value>',
      'option of the agent; may be repeated',
      (value, others: string[]) => [...others, value],
      [],
    )
    .option('--proxy <url>', 'proxy to the platform, instead of the variables HTTPS_PROXY and HTTP_PROXY')
    .option('--ca-file <file>', 'CA certificates (PEM) to trust in addition')
    .option('--connector <folder>', 'folder of additional connectors, each installed there with npm')
}

interface Context {
  readonly machine: Machine
  readonly layout: Layout
  readonly registry: Registry
  readonly options: ServiceOptions
}

async function runServiceCommand(
  registry: Registry,
  options: ServiceOptions,
  action: (context: Context) => Promise<number>,
): Promise<number> {
  return reportFailure(() => {
    const machine = thisMachine()
    const layout = createLayout(machine.platform, options.prefix ?? ownPrefix())
    return action({ machine, layout, registry, options })
  })
}

/** Prints a failure as one sentence, and returns its exit code. */
export async function reportFailure(action: () => Promise<number>): Promise<number> {
  try {
    return await action()
  } catch (error) {
    const failure = toServiceError(error)
    if (!(failure instanceof ServiceError)) {
      if (isRcaError(failure)) throw failure
      throw error
    }
    process.stderr.write(`rca-agent: ${toTerminalText(failure.message)}\n`)
    return failure.exitCode
  }
}

async function installCommand(context: Context): Promise<number> {
  const { machine, layout, registry, options } = context
  const release = findRelease()
  const manager = options.service === false ? undefined : findServiceManager(machine, layout)
  const installRelease = async (signal: AbortSignal): Promise<void> => {
    const connectors = await connectorsOf(options, registry)
    const configuration = await readConfiguration(options, process.env, connectors, layout)
    const publicKey = process.env.RCA_PUBLIC_KEY || undefined
    const waitMs = readWait(options)
    const isDryRun = options.dryRun === true
    await install({ machine, layout, release, manager, configuration, publicKey, waitMs, isDryRun, signal })
  }
  if (options.dryRun === true) {
    await installRelease(new AbortController().signal)
    return SERVICE_EXIT_CODES.ok
  }
  await withLock(context, async (signal) => {
    try {
      await installRelease(signal)
    } catch (error) {
      discardRelease(machine, layout, release)
      throw error
    }
  })
  await manager?.runHere?.()
  return SERVICE_EXIT_CODES.ok
}

/** Returns the agent's connectors, with those of `--connector`. */
async function connectorsOf({ connector: folder }: ConfigurationOptions, registry: Registry): Promise<Registry> {
  return folder === undefined ? registry : findConnectors({ RCA_CONNECTORS: folder })
}

async function uninstallCommand({ machine, layout, options }: Context): Promise<number> {
  const isDryRun = options.dryRun === true
  const manager = findServiceManager(machine, layout)
  const remove = (): Promise<void> => uninstall({ machine, layout, manager, isDryRun })
  if (isDryRun) await remove()
  else await withLock({ machine, layout }, remove)
  return SERVICE_EXIT_CODES.ok
}

async function startCommand({ machine, layout, options }: Context): Promise<number> {
  const timeoutMs = readWait(options)
  const manager = findServiceManager(machine, layout)
  await withLock({ machine, layout }, async (signal) => {
    const since = machine.now()
    await manager.start()
    if (timeoutMs === 0) return
    const { time } = await waitForHeartbeat(machine, { socket: layout.socket, since, timeoutMs, signal })
    machine.print(`The platform accepted a heartbeat at ${time.toISOString()}`)
  })
  await manager.runHere?.()
  return SERVICE_EXIT_CODES.ok
}

async function stopCommand({ machine, layout }: Context): Promise<number> {
  await withLock({ machine, layout }, () => findServiceManager(machine, layout).stop())
  return SERVICE_EXIT_CODES.ok
}

async function statusCommand({ machine, layout }: Context): Promise<number> {
  const manager = findServiceManager(machine, layout)
  const health = await machine.health(machine.path(layout.socket))
  const isRunning = health !== undefined || (await manager.isRunning())
  const { acknowledged_at: acknowledgedAt, error } = health?.heartbeat ?? {}
  machine.print(`service    ${isRunning ? 'running' : 'not running'} (service manager: ${manager.name})`)
  if (health !== undefined) machine.print(`version    ${health.agent_version}, of type ${health.agent_type}`)
  machine.print(`heartbeat  ${acknowledgedAt === undefined ? 'none accepted yet' : `accepted at ${acknowledgedAt}`}`)
  if (health?.outbox !== undefined) machine.print(`reports    ${reportsOf(health.outbox)}`)
  if (health !== undefined) machine.print(`enrolled   ${enrolmentOf(health)}`)
  if (error !== undefined) machine.print(`error      ${error}`)
  if (isRunning && health === undefined && !machine.isRoot)
    machine.print('Only root can ask the agent for its heartbeats: run the command with sudo')
  machine.print(`log        ${manager.logCommand}`)
  return isRunning ? SERVICE_EXIT_CODES.ok : EXIT_CODES.unhealthy
}

/** Describes whether reports reach the platform: an old undelivered report shows that they do not. */
function reportsOf({ reports, dropped, oldest_at }: NonNullable<AgentHealth['outbox']>): string {
  const undelivered =
    reports === 0 ? 'all delivered' : `${reports} undelivered, the oldest of ${oldest_at ?? 'an unknown time'}`
  return dropped === 0 ? undelivered : `${undelivered}; ${dropped} dropped since the start`
}

function enrolmentOf({ enrolled, key_expires_at }: AgentHealth): string {
  return enrolled === true ? `yes, with a key until ${key_expires_at}` : 'no, the agent uses its token'
}

/** Runs a change as root under the lock of the installation. Its signal aborts when a person interrupts it. */
export async function withLock(
  { machine, layout }: Pick<Context, 'machine' | 'layout'>,
  change: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!machine.isRoot)
    throw new ServiceError('notRoot', 'only root can change the service. Run the command again with sudo')
  const release = takeLock(machine.path(layout.lock))
  const interruption = new AbortController()
  const interrupt = (signal: NodeJS.Signals): void =>
    interruption.abort(new ServiceError('unexpected', `interrupted by ${signal}`))
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, interrupt)
  try {
    await change(interruption.signal)
  } finally {
    for (const signal of signals) process.off(signal, interrupt)
    release()
    removePrefix(machine, layout)
  }
}

/** Reads `--wait` in milliseconds. @throws {ServiceError} */
export function readWait({ wait = DEFAULT_WAIT_SECONDS }: { readonly wait?: string }): number {
  const seconds = Number(wait)
  if (wait.trim() !== '' && Number.isFinite(seconds) && seconds >= 0) return seconds * 1000
  throw new ServiceError('usage', `--wait is \`${wait}\`. Set it to a number of seconds, or to 0`)
}
