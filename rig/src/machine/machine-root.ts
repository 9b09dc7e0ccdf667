import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../cache-folder.ts'
import { hasProgram, run } from '../run.ts'
import { retryBuild } from './retry-build.ts'

const SUITES = ['bookworm', 'trixie', 'musl'] as const
const INITS = ['systemd', 'openrc', 'none'] as const

export type Suite = (typeof SUITES)[number]
export type Init = (typeof INITS)[number]

/** The system of a machine. */
export interface MachineSystem {
  /** A release of Debian. `musl`: busybox, bash and curl with musl as the C library. @default 'bookworm' */
  readonly suite?: Suite | undefined
  /** First process. `none`: only waits, as in a container. @default 'systemd', with musl 'none' */
  readonly init?: Init | undefined
  /** More packages of Debian. @default [] */
  readonly packages?: readonly string[] | undefined
}

const COMMON_PACKAGES = ['ca-certificates', 'curl']

const PACKAGES: Readonly<Record<Init, readonly string[]>> = {
  systemd: ['dbus', 'libnss-systemd', 'procps', 'systemd', 'systemd-sysv'],
  openrc: ['openrc', 'procps', 'sysvinit-core'],
  none: [],
}

/** Systems that `machine build` creates. */
const STANDARD_SYSTEMS: readonly MachineSystem[] = [
  { suite: 'bookworm' },
  { suite: 'trixie' },
  { suite: 'bookworm', init: 'openrc' },
  { suite: 'bookworm', init: 'none' },
  { suite: 'musl' },
]

/** Time that a root directory has to be built, in milliseconds. It takes half a minute on a quiet machine. */
const BUILD_TIMEOUT_MS = 3_600_000

/** Reads the system that a command line asks for. @throws Error for an unknown one */
export function readSystem(suite: string | undefined, init: string | undefined, packages: string[]): MachineSystem {
  return { suite: oneOf('suite', suite, SUITES), init: oneOf('init', init, INITS), packages }
}

function oneOf<Value extends string>(name: string, text: string | undefined, values: readonly Value[]) {
  const value = values.find((value) => value === text)
  if (value === undefined && text !== undefined)
    throw new Error(`\`--${name}\` must be ${values.join(', ')}, got "${text}".`)
  return value
}

/** Returns the first process of a system. */
export function initOf({ suite, init = suite === 'musl' ? 'none' : 'systemd' }: MachineSystem): Init {
  if (suite === 'musl' && init !== 'none') throw new Error(`A system with musl has no init system, such as ${init}.`)
  return init
}

/** Returns the root directory of a system, if this machine's cache has it. */
export function findRoot(system: MachineSystem): string | undefined {
  const folder = rootFolder(system)
  return existsSync(folder) ? folder : undefined
}

/** Builds the root directories of the standard systems, unless this machine's cache has them. */
export async function buildStandardRoots(): Promise<string[]> {
  const folders: string[] = []
  for (const system of STANDARD_SYSTEMS) folders.push(await buildRoot(system))
  return folders
}

/** Builds the root directory of a system into this machine's cache, unless it has it. Returns the directory. */
export async function buildRoot(system: MachineSystem): Promise<string> {
  const found = findRoot(system)
  if (found !== undefined) return found
  for (const program of ['apt-get', 'dpkg-deb', 'mmdebstrap', 'unshare'])
    if (!(await hasProgram(program))) throw new Error(`Building a machine needs Debian and \`${program}\`.`)
  if (process.getuid?.() !== 0) throw new Error('Building a machine needs root.')
  const folder = rootFolder(system)
  const { suite = 'bookworm' } = system
  const [script, ...args] =
    suite === 'musl'
      ? [MUSL_SCRIPT, folder, await buildRoot({ init: 'none' })]
      : [DEBIAN_SCRIPT, folder, suite, ...packagesOf(system)]
  await retryBuild(basename(folder), () => run('bash', [script, ...args], { timeout: BUILD_TIMEOUT_MS }))
  return folder
}

const DEBIAN_SCRIPT = fileURLToPath(new URL('debian-root.sh', import.meta.url))
const MUSL_SCRIPT = fileURLToPath(new URL('musl-root.sh', import.meta.url))

/** Returns a directory whose name changes with the packages and with the scripts that create it. */
function rootFolder(system: MachineSystem): string {
  const { suite = 'bookworm' } = system
  const init = initOf(system)
  const hash = createHash('sha256').update(packagesOf(system).join(' '))
  for (const script of suite === 'musl' ? [DEBIAN_SCRIPT, MUSL_SCRIPT] : [DEBIAN_SCRIPT])
    hash.update(readFileSync(script))
  return join(cacheFolder('roots'), `${suite}-${init}-${hash.digest('hex').slice(0, 8)}`)
}

function packagesOf(system: MachineSystem): string[] {
  return [...COMMON_PACKAGES, ...PACKAGES[initOf(system)], ...(system.packages ?? [])].toSorted()
}
