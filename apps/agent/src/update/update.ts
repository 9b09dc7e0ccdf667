import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseMinisignKey } from '@rca/core'
import { gt } from 'semver'
import type { Layout } from '../service/layout.ts'
import type { Machine } from '../service/machine.ts'
import { currentRelease } from '../service/release.ts'
import { ServiceError } from '../service/service-error.ts'
import type { ServiceManager } from '../service/service-manager.ts'
import type { PlatformConnection } from './platform-connection.ts'
import { type Archive, downloadArchive, readSignedArchives, type SignedArchives } from './platform-downloads.ts'
import { readUpdateWindow } from './update-schedule.ts'

/** The installation to update, and the platform whose archives it gets. */
export interface UpdateTarget {
  readonly machine: Machine
  readonly layout: Layout
  /** Environment of the installed agent. */
  readonly environment: Readonly<Record<string, string>>
  readonly platform: PlatformConnection
  /** Aborts when a person interrupts the update. */
  readonly signal: AbortSignal
}

/**
 * Compares the current version with the platform's newest, and prints both. Returns whether the current one is older.
 *
 * @throws {ServiceError}
 */
export async function checkForUpdate(target: UpdateTarget): Promise<boolean> {
  const { machine, layout } = target
  const current = readCurrent(machine, layout)
  const { newest } = await readArchives(target)
  machine.print(`current  ${current.version}`)
  machine.print(`newest   ${newest}`)
  const isBehind = gt(newest, current.version)
  machine.print(isBehind ? 'Update with `rca-agent update apply`' : 'The agent is up to date')
  return isBehind
}

/** Runs a program in place of this process, which keeps its id and so the lock. Rejects if it cannot. */
export type Become = (program: string, words: readonly string[]) => Promise<never>

/**
 * Downloads, verifies and unpacks an archive beside the other versions, and hands over to its `service install`: the
 * new version knows its own unit, waits for an accepted heartbeat, and otherwise rolls back. Without `version`, never
 * installs an older one. Returns when the installation is up to date already.
 *
 * @throws {ServiceError} and leaves the installation as it was
 */
export async function applyUpdate(
  target: UpdateTarget,
  options: {
    /** Version to install, also an older one. @default the platform's newest, if it is newer */
    readonly version?: string | undefined
    readonly waitSeconds: string
    readonly manager: ServiceManager
    /** Does nothing unless the operator turned unattended updates on, and the service runs. */
    readonly isUnattended: boolean
    readonly become: Become
  },
): Promise<void> {
  const { machine, layout } = target
  const { version, waitSeconds, manager, isUnattended, become } = options
  const isOn = readUpdateWindow(target.environment) !== undefined
  if (isUnattended && !isOn) return machine.print('Nothing was done: AUTO_UPDATE is not `on`')
  if (isUnattended && !(await manager.isRunning())) return machine.print('Nothing was done: the service does not run')
  const current = readCurrent(machine, layout)
  const archives = await readArchives(target)
  if (version === undefined && !gt(archives.newest, current.version))
    return machine.print(`unchanged: rca-agent ${current.version}, and the platform has ${archives.newest}`)
  const archive = archives.find(version ?? archives.newest)
  if (archive.sha256 === current.sha256) return machine.print(`unchanged: rca-agent ${current.version}`)
  const folder = await placeArchive(target, archive, current.name)
  if (isOn && gt(archives.newest, archive.version))
    machine.print(`AUTO_UPDATE is on: the next unattended update installs ${archives.newest}`)
  // An installation with `--no-service` stays one.
  const hasService = manager.files.some(({ path }) => existsSync(machine.path(path)))
  if (!hasService) machine.print('Restart the agent yourself, so that it runs the new version')
  const words = ['service', 'install', '--prefix', layout.prefix, '--wait', waitSeconds]
  await become(join(folder, 'bin/rca-agent'), hasService ? words : [...words, '--no-service'])
}

interface CurrentVersion {
  /** Name of its folder. */
  readonly name: string
  readonly version: string
  /** Checksum of the archive that it was unpacked from. */
  readonly sha256: string | undefined
}

function readCurrent(machine: Machine, layout: Layout): CurrentVersion {
  const name = currentRelease(machine, layout)
  const read = (file: string): string | undefined => {
    try {
      return readFileSync(machine.path(`${layout.versions}/${name}/${file}`), 'utf8').trim()
    } catch {
      return undefined
    }
  }
  const version = read('VERSION')
  if (name !== undefined && version !== undefined) return { name, version, sha256: read('.sha256') }
  throw new ServiceError(
    'usage',
    `no version is installed in ${layout.prefix}. Use the command that the platform shows, or name its folder with --prefix`,
  )
}

function readArchives({ machine, layout, platform, signal }: UpdateTarget): Promise<SignedArchives> {
  let publicKey: string
  try {
    publicKey = parseMinisignKey(readFileSync(machine.path(layout.publicKey), 'utf8'))
  } catch (error) {
    throw new ServiceError(
      'wrongSignature',
      `the public key of this installation, ${layout.publicKey}, cannot be used: ${(error as Error).message}. Use the command that the platform shows once more`,
    )
  }
  return readSignedArchives(platform, publicKey, `${machine.platform}-${process.arch}`, signal)
}

/** Returns the folder into which an archive was unpacked, below that of the versions. */
async function placeArchive(
  { machine, layout, platform, signal }: UpdateTarget,
  archive: Archive,
  currentName: string,
): Promise<string> {
  const prefix = machine.path(layout.prefix)
  // The lock is held: what an earlier process left there is not in use.
  for (const name of readdirSync(prefix))
    if (name.startsWith('.partial.')) rmSync(join(prefix, name), { recursive: true, force: true })
  const staging = join(prefix, `.partial.${process.pid}`)
  try {
    mkdirSync(staging, { mode: 0o755 })
    const file = join(staging, archive.name)
    machine.print(`Downloading ${archive.name}`)
    await downloadArchive(platform, archive, file, signal)
    const unpacked = join(staging, archive.name.replace(/\.tar\.(?:gz|xz)$/, ''))
    await unpack(machine, file, staging)
    await tryVersion(machine, unpacked, archive.version)
    writeFileSync(join(unpacked, '.sha256'), `${archive.sha256}\n`)
    signal.throwIfAborted()
    // Other bytes with the same version are kept apart, as `agent.sh` does.
    const name = archive.version === currentName ? `${archive.version}-${archive.sha256.slice(0, 8)}` : archive.version
    const folder = machine.path(`${layout.versions}/${name}`)
    rmSync(folder, { recursive: true, force: true })
    renameSync(unpacked, folder)
    return folder
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

async function unpack(machine: Machine, file: string, folder: string): Promise<void> {
  // Archives for macOS are compressed with xz, which its tar finds out by itself.
  const flags = file.endsWith('.xz') ? '-xf' : '-xzf'
  const { status, output } = await machine.run('tar', flags, file, '-C', folder)
  if (status === 0) return
  const failure = status === 127 ? 'missingTool' : /No space left|quota/i.test(output) ? 'noSpace' : 'notWritable'
  throw new ServiceError(failure, `${basename(file)} cannot be unpacked with \`tar\`: ${output}`)
}

/** Starts the new version once, while the current one still runs. */
async function tryVersion(machine: Machine, folder: string, version: string): Promise<void> {
  const { status, output } = await machine.run(join(folder, 'bin/rca-agent'), '--version')
  if (status === 0) return
  throw new ServiceError(
    'unsupportedLibrary',
    `version ${version} cannot run on this system: ${output}. The current version runs as before`,
  )
}
