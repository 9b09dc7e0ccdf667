import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildRoot, findRoot, type MachineSystem } from '../machine/machine-root.ts'

/**
 * An engine: `installed` is the `dockerd` of this machine, the others are Docker 26.1 and Podman 5.4 of Debian 13, on
 * the kernel of this machine.
 */
export type EngineRelease = 'installed' | 'docker-26' | 'podman-5'

const RELEASES: readonly EngineRelease[] = ['installed', 'docker-26', 'podman-5']

/** Environment variable with the release of the engines that the rig starts. */
const RELEASE = 'RCA_RIG_ENGINE'

/** Debian 13 with both engines and with the programs of tests. Also the system of virtual machines. */
export const NEWER_SYSTEM: MachineSystem = {
  suite: 'trixie',
  packages: [
    ...['busybox-static', 'crun', 'dash', 'docker-cli', 'docker-compose', 'docker.io', 'e2fsprogs', 'ethtool'],
    ...['iproute2', 'iptables', 'kmod', 'libatomic1', 'openssh-server', 'podman', 'udev'],
  ],
}

/** Returns the release of `RCA_RIG_ENGINE`. @throws Error for an unknown one */
export function chosenRelease(): EngineRelease {
  const text = process.env[RELEASE] || 'installed'
  const release = RELEASES.find((release) => release === text)
  if (release === undefined) throw new Error(`\`${RELEASE}\` must be ${RELEASES.join(', ')}, got "${text}".`)
  return release
}

/** Returns what is missing on this machine to start a release. */
export function missingForRelease(release: EngineRelease): string | undefined {
  if (release === 'installed' || findRoot(NEWER_SYSTEM) !== undefined) return undefined
  return `${release} is not built; run \`npm run rig -- ${release.startsWith('podman') ? 'podman' : 'docker'} build\``
}

/** Builds the newer engines, once per machine. Returns the directory of their Debian. */
export function buildNewerEngines(): Promise<string> {
  return buildRoot(NEWER_SYSTEM)
}

/** Directories and address of an engine. */
export interface EnginePlaces {
  readonly folder: string
  readonly dockerHost: string
}

/** Returns the words that start an engine, without namespaces. */
export function engineWords(
  release: EngineRelease,
  { folder, dockerHost }: EnginePlaces,
  flags: readonly string[],
): string[] {
  const program = release === 'podman-5' ? podman(folder, dockerHost, flags) : dockerd(folder, dockerHost, flags)
  return release === 'installed' ? program : ['bash', SCRIPT, findRoot(NEWER_SYSTEM) ?? '', folder, ...program]
}

const SCRIPT = fileURLToPath(new URL('newer-engine.sh', import.meta.url))

function dockerd(folder: string, dockerHost: string, flags: readonly string[]): string[] {
  const paths = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')]
  return ['dockerd', '--host', dockerHost, ...paths, '--pidfile', join(folder, 'docker.pid'), ...flags]
}

function podman(folder: string, address: string, flags: readonly string[]): string[] {
  if (flags.length > 0) throw new Error(`Podman has none of the flags of dockerd, such as ${flags[0]}.`)
  const paths = ['--root', join(folder, 'data'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')]
  return ['podman', ...paths, 'system', 'service', '--time=0', address]
}
