import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt } from '../attempt.ts'
import { isRunning, startDaemon } from '../processes.ts'
import type { Absence } from '../real.ts'
import { eventually, hasProgram, run, START_TIMEOUT_MS } from '../run.ts'
import { answers } from './docker-cli.ts'
import { chosenRelease, type EngineRelease, engineWords, missingForRelease } from './engine-release.ts'

export interface PrivateEngineOptions {
  /** Directory of its socket, data and log. Keep it short: the path of a socket has at most 108 characters. */
  readonly folder: string
  /** More flags of `dockerd`. @default [] */
  readonly flags?: readonly string[]
  /**
   * Runs the engine in its own network namespace. Engines in one namespace share the bridge and its addresses, and an
   * engine without a bridge removes that of the others. @default true
   */
  readonly isolated?: boolean
  /** Directory that replaces `/var/log` in its mount namespace. Only for an isolated, installed engine. */
  readonly logFolder?: string
  /** @default that of `RCA_RIG_ENGINE`, or else the installed engine */
  readonly release?: EngineRelease
}

/** An engine started by the rig. */
export interface PrivateEngine {
  readonly dockerHost: string
  readonly pid: number
  /** Sends a signal to the engine, such as SIGKILL or SIGSTOP. */
  signal(name: NodeJS.Signals): void
  /** Resolves when its process has ended. */
  ended(): Promise<void>
}

/** Returns what this machine lacks to start an engine that tests may stop. @param flags of `dockerd` */
export async function missingForPrivateEngine(flags: readonly string[] = []): Promise<Absence> {
  const release = chosenRelease()
  if (release === 'podman-5' && flags.length > 0)
    return { missing: `Podman has no flag ${flags[0]}`, isUnattainable: true }
  const missing = missingForRelease(release)
  if (missing !== undefined) return { missing }
  if (process.getuid?.() !== 0) return { missing: 'starting an engine that may be stopped needs root' }
  for (const program of ['docker', ...(release === 'installed' ? ['dockerd'] : [])])
    if (!(await hasProgram(program))) return { missing: `\`${program}\` is not installed` }
  return {}
}

/** Starts an engine in a new directory or that of an ended engine. Needs root. @throws Error with the end of its log */
export async function startPrivateEngine(options: PrivateEngineOptions): Promise<PrivateEngine> {
  const { folder } = options
  mkdirSync(folder, { recursive: true })
  const socket = join(folder, 'docker.sock')
  const pidFile = join(folder, 'docker.pid')
  const log = join(folder, 'dockerd.log')
  const dockerHost = `unix://${socket}`
  // The pid of a killed engine may belong to another process by now.
  await rm(pidFile, { force: true })
  await removeContainerdPidFile(folder)
  const { pid } = await startDaemon(commandLine(options, dockerHost), log)
  const isReady = async (): Promise<boolean> => existsSync(socket) && (await answers(dockerHost))
  if (await eventually(isReady, { isHopeless: () => !isRunning(pid) })) return engineOf(dockerHost, pid)
  attempt(() => process.kill(pid, 'SIGKILL'))
  throw new Error(`The engine did not start at ${dockerHost}:\n${readFileSync(log, 'utf8').slice(-2000)}`)
}

function commandLine(options: PrivateEngineOptions, dockerHost: string): string[] {
  const { folder, flags = [], isolated = true, logFolder, release = chosenRelease() } = options
  const engine = engineWords(release, { folder, dockerHost }, flags)
  if (logFolder !== undefined && (!isolated || release !== 'installed'))
    throw new Error('`logFolder` requires an isolated, installed engine.')
  if (release !== 'installed') return ['unshare', '--mount', ...(isolated ? ['--net'] : []), ...engine]
  if (!isolated) return engine
  const loopback = 'ip link set lo up && exec "$@"'
  if (logFolder === undefined) return ['unshare', '--net', 'sh', '-c', loopback, 'sh', ...engine]
  mkdirSync(logFolder, { recursive: true })
  // Shared propagation: containers may request volumes that see later mounts.
  const mounts = 'mount --make-rshared / && mount --bind "$1" /var/log && shift'
  return ['unshare', '--net', '--mount', 'sh', '-c', `${mounts} && ${loopback}`, 'sh', logFolder, ...engine]
}

/** Removes the pid file of a killed engine's ended containerd. The next engine would wait for it, even as a zombie. */
async function removeContainerdPidFile(folder: string): Promise<void> {
  const pidFile = join(folder, 'exec/containerd/containerd.pid')
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8'))
  if (await eventually(() => !isRunning(pid), { timeout: 60_000 })) await rm(pidFile, { force: true })
}

/** Returns the handle of an engine by its process id. */
export function engineOf(dockerHost: string, pid: number): PrivateEngine {
  return {
    dockerHost,
    pid,
    signal: (name) => void process.kill(pid, name),
    ended: async () => {
      if (!(await eventually(() => !isRunning(pid), { interval: 50 })))
        throw new Error(`The engine (process ${pid}) did not end within ${START_TIMEOUT_MS} ms`)
    },
  }
}

/** Removes all containers, stops the engine and deletes its directory. */
export async function removePrivateEngine(engine: PrivateEngine, folder: string): Promise<void> {
  const env = { DOCKER_HOST: engine.dockerHost }
  if (isRunning(engine.pid)) {
    const ids = (await run('docker', ['ps', '--all', '--quiet'], { env }).catch(() => '')).split('\n').filter(Boolean)
    if (ids.length > 0) await run('docker', ['rm', '--force', '--volumes', ...ids], { env }).catch(() => undefined)
    engine.signal('SIGTERM')
    await engine.ended()
  }
  await clearEngineFolder(folder)
}

/** Removes the leftovers of an ended engine, also of a killed one, and deletes its directory. */
export async function clearEngineFolder(folder: string): Promise<void> {
  endShims(folder)
  await unmountBelow(folder)
  await rm(folder, { recursive: true, force: true })
}

/** Kills the parents of containers that an ended engine leaves behind, recognised by their paths. */
function endShims(folder: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const args = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')) ?? []
    const isShim =
      /containerd-shim|conmon|podman/.test(args[0] ?? '') && args.some((arg) => arg.startsWith(`${folder}/`))
    // The process may have ended in between.
    if (isShim) attempt(() => process.kill(Number(pid), 'SIGKILL'))
  }
}

/** Unmounts everything below a directory, such as an engine's mount of the host's network namespace. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const points = mounts.map((line) => line.split(' ')[1] ?? '').filter((point) => point.startsWith(`${folder}/`))
  for (const point of points.toReversed()) await run('umount', ['-l', point])
}
