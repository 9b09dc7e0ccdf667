import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { changeSchedule, readUpdateWindow, type UpdateWindow } from '../update/update-schedule.ts'
import type { Configuration } from './configuration.ts'
import { parseEnvironmentFile } from './environment-file.ts'
import { changeFile, linkProgram, makeFolder, readFile, removeFile } from './file-changes.ts'
import { waitForHeartbeat } from './heartbeat-watch.ts'
import { type Layout, SERVICE_NAME } from './layout.ts'
import type { Machine } from './machine.ts'
import { currentRelease, placeRelease, pruneReleases, type Release, releaseName, switchRelease } from './release.ts'
import { ServiceError, toServiceError } from './service-error.ts'
import type { ServiceManager } from './service-manager.ts'
import { createServiceUser, findServiceUser, removeServiceUser, type ServiceUser } from './service-user.ts'
import { startTransaction, type Transaction } from './transaction.ts'

/** Time that an agent has to answer after it was started again. */
const RESTART_TIMEOUT_MS = 60_000

/** Argument of {@link install}. */
export interface Installation {
  readonly machine: Machine
  readonly layout: Layout
  readonly release: Release
  /** `undefined` installs without a service. */
  readonly manager: ServiceManager | undefined
  /** `undefined` keeps the configuration as it is. */
  readonly configuration: Configuration | undefined
  /** Public key of the platform's archives, in minisign's format. */
  readonly publicKey: string | undefined
  /** Time for the first accepted heartbeat; 0 does not wait. */
  readonly waitMs: number
  readonly isDryRun: boolean
  /** Aborts when a person interrupts the installation. */
  readonly signal: AbortSignal
}

/**
 * Installs a release as the service, or upgrades the service to it. Undoes everything when the platform does not accept
 * a heartbeat in time: then the previous version runs as before, or nothing is left.
 *
 * @throws {ServiceError}
 */
export async function install(installation: Installation): Promise<void> {
  const { machine, layout, manager, release, configuration } = installation
  const { isDryRun, signal } = installation
  const transaction = startTransaction({ isDryRun, print: machine.print, signal })
  const previous = currentRelease(machine, layout)
  const began = machine.now()
  if (configuration === undefined && !existsSync(machine.path(layout.environmentFile)))
    throw new ServiceError('usage', '--platform-url, --agent-token and --agent-type are missing: nothing is installed')
  try {
    // The previous version runs again after everything else was undone.
    if (manager !== undefined && previous !== undefined && (await manager.isRunning()))
      transaction.onRollBack(() => manager.start())
    const hasChanged = await applyChanges(transaction, installation)
    if (isDryRun) return await endDryRun(transaction, installation, hasChanged)
    if (manager === undefined) printForegroundCommand(machine, layout, hasChanged)
    else await startService(transaction, installation, hasChanged)
  } catch (error) {
    throw await undo(transaction, installation, { previous, began }, error)
  }
  pruneReleases(machine, layout, [releaseName(machine, layout, release), previous])
}

/** Changes everything but the running service. Returns whether something differed. */
async function applyChanges(transaction: Transaction, installation: Installation): Promise<boolean> {
  const { machine, layout, release, manager, configuration, publicKey, isDryRun } = installation
  const results: boolean[] = []
  results.push(await makeUser(transaction, machine, layout))
  const owner = (): Promise<ServiceUser | undefined> => findServiceUser(machine)
  await makeFolder(transaction, machine, layout.state, { mode: 0o700, owner })
  await makeFolder(transaction, machine, layout.config, { mode: 0o755 })
  if (configuration !== undefined) {
    const { certificates, environment } = configuration
    const before = readFile(machine.path(layout.environmentFile), isDryRun)?.text
    if (before !== undefined && needsKey(before, environment))
      for (const file of findKeys(machine, layout)) await removeFile(transaction, machine, file)
    results.push(
      certificates === undefined
        ? await removeFile(transaction, machine, layout.caFile)
        : await changeFile(transaction, machine, { path: layout.caFile, mode: 0o644, text: certificates }),
      await changeFile(transaction, machine, { path: layout.environmentFile, mode: 0o600, text: environment }),
    )
  }
  results.push(await makeCurrent(transaction, machine, layout, release))
  if (publicKey !== undefined)
    await changeFile(transaction, machine, { path: layout.publicKey, mode: 0o644, text: renderPublicKey(publicKey) })
  await restoreContext(transaction, machine, layout)
  if (manager !== undefined) results.push(await defineService(transaction, machine, manager))
  const environment = configuration?.environment ?? readFile(machine.path(layout.environmentFile), isDryRun)?.text
  // A dry run of a user who is not root cannot read the environment of the installed agent.
  if (environment !== undefined) await changeSchedule(transaction, machine, layout, readWindowOf(environment, manager))
  const problem = await linkProgram(transaction, machine, layout.link, layout.program)
  if (problem !== undefined) machine.print(`The program is not linked from ${dirname(layout.link)}: ${problem}`)
  return results.includes(true)
}

/** Returns whether a new environment has another platform or token, with which the agent has to enrol. */
function needsKey(before: string, after: string): boolean {
  const [old, current] = [parseEnvironmentFile(before), parseEnvironmentFile(after)]
  return ['PLATFORM_API_URL', 'AGENT_TOKEN'].some((name) => old[name] !== current[name])
}

/** Returns the files of the agent's keys. With one of them, the agent would ignore a new token. */
function findKeys(machine: Machine, layout: Layout): string[] {
  try {
    const files = readdirSync(machine.path(layout.state), { recursive: true, encoding: 'utf8' })
    return files.filter((file) => basename(file).startsWith('key-')).map((file) => `${layout.state}/${file}`)
  } catch (error) {
    // A dry run of a user who is not root.
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return []
    throw error
  }
}

/** Reads when the agent updates itself. @throws {ServiceError} when nothing would restart it */
function readWindowOf(environment: string, manager: ServiceManager | undefined): UpdateWindow | undefined {
  const window = readUpdateWindow(parseEnvironmentFile(environment))
  if (window !== undefined && (manager === undefined || manager.files.length === 0))
    throw new ServiceError(
      'usage',
      'auto_update is `on`, but nothing would restart the agent: it is installed without a service. Set it to `off`',
    )
  return window
}

async function makeUser(transaction: Transaction, machine: Machine, layout: Layout): Promise<boolean> {
  if ((await findServiceUser(machine)) !== undefined) return false
  await transaction.change(
    `create the user and the group ${SERVICE_NAME}`,
    () => createServiceUser(machine, layout.state),
    () => removeServiceUser(machine),
  )
  return true
}

async function makeCurrent(
  transaction: Transaction,
  machine: Machine,
  layout: Layout,
  release: Release,
): Promise<boolean> {
  const name = releaseName(machine, layout, release)
  const previous = currentRelease(machine, layout)
  if (previous === name) return false
  await transaction.change(
    `install version ${release.version} in ${layout.versions}/${name}`,
    () => placeRelease(machine, layout, release),
    () => {
      // Also if `agent.sh` has placed it.
      rmSync(machine.path(`${layout.versions}/${name}`), { recursive: true, force: true })
    },
  )
  await transaction.change(
    `make it the current version, instead of ${previous ?? 'none'}`,
    () => switchRelease(machine, layout, name),
    () =>
      previous === undefined
        ? rmSync(machine.path(layout.current), { force: true })
        : switchRelease(machine, layout, previous),
  )
  return true
}

function renderPublicKey(key: string): string {
  return `untrusted comment: public key of the platform\n${key.trim().split('\n').at(-1)}\n`
}

/** Labels the files for SELinux: they may have been unpacked elsewhere. */
async function restoreContext(transaction: Transaction, machine: Machine, layout: Layout): Promise<void> {
  if (!existsSync(machine.path('/sys/fs/selinux/enforce')) || !machine.has('restorecon')) return
  await transaction.change('label the files for SELinux', async () => {
    await machine.run('restorecon', '-R', layout.prefix, layout.config, layout.state)
  })
}

async function defineService(transaction: Transaction, machine: Machine, manager: ServiceManager): Promise<boolean> {
  const results: boolean[] = []
  for (const file of manager.files) {
    const isNew = !existsSync(machine.path(file.path))
    if (await changeFile(transaction, machine, file)) results.push(isNew)
  }
  // Also if nothing differs: an earlier call may have been killed before it.
  if (results.length > 0 || !transaction.isDryRun)
    await transaction.change(
      'start the service with the machine',
      () => manager.enable(),
      results.includes(true) ? () => manager.disable() : undefined,
    )
  return results.length > 0
}

async function startService(transaction: Transaction, installation: Installation, hasChanged: boolean): Promise<void> {
  const { machine, layout, release, waitMs, signal } = installation
  const manager = installation.manager as ServiceManager
  const print = (result: string): void =>
    machine.print(`rca-agent ${release.version} ${result} (service manager: ${manager.name})`)
  const running = hasChanged ? undefined : await machine.health(machine.path(layout.socket))
  // Starts it also if an earlier installation was killed before the platform had accepted a heartbeat.
  if (running?.heartbeat?.acknowledged_at !== undefined) {
    print('unchanged: it runs')
    machine.print(`The platform accepted a heartbeat at ${running.heartbeat.acknowledged_at}`)
    if (running.heartbeat.error !== undefined) machine.print(`But not the last one: ${running.heartbeat.error}`)
    return
  }
  const since = machine.now()
  await transaction.change(
    'start the service',
    () => manager.start(),
    () => manager.stop(),
  )
  const options = { socket: layout.socket, since, timeoutMs: waitMs, signal }
  const heartbeat = waitMs === 0 ? undefined : await waitForHeartbeat(machine, options)
  print('installed and started')
  if (heartbeat !== undefined) machine.print(`The platform accepted a heartbeat at ${heartbeat.time.toISOString()}`)
  if (heartbeat?.problem !== undefined) machine.print(`But the agent cannot read what it watches: ${heartbeat.problem}`)
  machine.print(`Log: ${manager.logCommand}`)
}

async function endDryRun(transaction: Transaction, installation: Installation, hasChanged: boolean): Promise<void> {
  const { machine, manager, release } = installation
  const isUnchanged = !hasChanged && (manager === undefined || (await manager.isRunning()))
  if (isUnchanged) machine.print(`unchanged: rca-agent ${release.version}`)
  else if (manager !== undefined)
    await transaction.change('start the service, and wait for an accepted heartbeat', () => manager.start())
  machine.print('Nothing was changed: this was a dry run')
}

function printForegroundCommand(machine: Machine, layout: Layout, hasChanged: boolean): void {
  machine.print(hasChanged ? 'Installed without a service' : 'unchanged: installed without a service')
  machine.print(`Run it as root, and it becomes the user ${SERVICE_NAME}: ${layout.program} service run`)
}

/** Waits until the agent that was started again answers. */
async function answers(machine: Machine, layout: Layout): Promise<boolean> {
  for (const deadline = machine.now() + RESTART_TIMEOUT_MS; machine.now() < deadline; await machine.sleep(100))
    if ((await machine.health(machine.path(layout.socket))) !== undefined) return true
  return false
}

/** Undoes an installation. Returns the error to report: the cause, and the state in which the machine is now. */
async function undo(
  transaction: Transaction,
  { machine, layout, manager }: Installation,
  { previous, began }: { readonly previous: string | undefined; readonly began: number },
  cause: unknown,
): Promise<unknown> {
  const failure = toServiceError(cause)
  const isSilent = failure instanceof ServiceError && failure.failure === 'noHeartbeat'
  const log = isSilent ? await manager?.recentLog(began) : ''
  const errors = await transaction.rollBack()
  if (manager !== undefined && previous === undefined) await manager.reload().catch((error) => errors.push(error))
  const state =
    errors.length > 0
      ? `Not everything could be undone: ${errors.map((error) => (error as Error).message).join('; ')}`
      : previous === undefined
        ? 'Nothing was installed'
        : (await answers(machine, layout))
          ? `Version ${previous} runs as before`
          : `Version ${previous} is installed as before`
  const { message } = failure as Error
  const shown = `${message}. ${state}.${log ? `\nLast lines of its log:\n${log}` : ''}`
  return failure instanceof ServiceError
    ? new ServiceError(failure.failure, shown, { cause })
    : new Error(shown, { cause })
}
