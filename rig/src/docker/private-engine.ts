import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning } from '../processes.ts'
import { run } from '../run.ts'
import { answers } from './docker-cli.ts'

/** How long an engine may take to start or to stop, in milliseconds. */
const PATIENCE = 60_000

export interface PrivateEngineOptions {
  /** Holds its socket, its data and its log. Short: a socket's path has 108 characters at most. */
  readonly folder: string
  /** More flags of `dockerd`. @default [] */
  readonly flags?: readonly string[]
  /**
   * Whether it gets a network namespace of its own. Engines in one namespace share the bridge and its addresses, and one
   * without a bridge takes away that of the others. @default true
   */
  readonly isolated?: boolean
  /** A folder that it, and what joins its mount namespace, sees in place of the machine's `/var/log`. Not where it is not isolated. */
  readonly logFolder?: string
}

/** An engine that we started. */
export interface PrivateEngine {
  readonly dockerHost: string
  readonly pid: number
  /** Sends it a signal, such as SIGKILL or SIGSTOP. */
  signal(name: NodeJS.Signals): void
  /** Resolves when its process is gone. */
  ended(): Promise<void>
}

/** Where an engine's files are in its folder. */
export function engineFiles(folder: string): { socket: string; pidFile: string; log: string; data: string } {
  return {
    socket: join(folder, 'docker.sock'),
    pidFile: join(folder, 'docker.pid'),
    log: join(folder, 'dockerd.log'),
    data: join(folder, 'data'),
  }
}

/** Starts `dockerd` in a folder, or again in one of an engine that has ended. Needs root. @throws Error with the end of its log when it does not answer in time. */
export async function startPrivateEngine(options: PrivateEngineOptions): Promise<PrivateEngine> {
  const { folder } = options
  mkdirSync(folder, { recursive: true })
  const { socket, pidFile, log } = engineFiles(folder)
  const dockerHost = `unix://${socket}`
  // The pid of an engine that was killed may by now be another process's.
  await rm(pidFile, { force: true })
  await forgetContainerd(folder)
  const [program = '', ...words] = commandLine(options)
  const output = openSync(log, 'a')
  const child = spawn(program, words, { stdio: ['ignore', output, output], detached: true })
  closeSync(output)
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  child.unref()
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(100)) {
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) break
    if (existsSync(socket) && (await answers(dockerHost))) return engineOf(dockerHost, child.pid ?? 0)
  }
  if (child.exitCode === null) child.kill('SIGKILL')
  throw new Error(`dockerd does not answer at ${dockerHost}:\n${readFileSync(log, 'utf8').slice(-2000)}`)
}

function commandLine({ folder, flags = [], isolated = true, logFolder }: PrivateEngineOptions): string[] {
  const { socket, pidFile, data } = engineFiles(folder)
  const places = ['--data-root', data, '--exec-root', join(folder, 'exec'), '--pidfile', pidFile]
  const engine = ['dockerd', '--host', `unix://${socket}`, ...places, ...flags]
  if (!isolated) {
    if (logFolder !== undefined) throw new Error('An engine that is not isolated has no log folder of its own.')
    return engine
  }
  const loopback = 'ip link set lo up && exec "$@"'
  if (logFolder === undefined) return ['unshare', '--net', 'sh', '-c', loopback, 'sh', ...engine]
  mkdirSync(logFolder, { recursive: true })
  // Shared among those inside: containers may ask for volumes that see later mounts.
  const mounts = 'mount --make-rshared / && mount --bind "$1" /var/log && shift'
  return ['unshare', '--net', '--mount', 'sh', '-c', `${mounts} && ${loopback}`, 'sh', logFolder, ...engine]
}

/**
 * The containerd of an engine that was killed dies with it. The next engine takes it for one that runs as long as its process
 * is there, also when it has ended and nobody has waited for it yet.
 */
async function forgetContainerd(folder: string): Promise<void> {
  const pidFile = join(folder, 'exec/containerd/containerd.pid')
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8'))
  for (const deadline = Date.now() + 5_000; isRunning(pid) && Date.now() < deadline; ) await sleep(50)
  if (!isRunning(pid)) await rm(pidFile, { force: true })
}

/** The engine that a process with this id is. */
export function engineOf(dockerHost: string, pid: number): PrivateEngine {
  return {
    dockerHost,
    pid,
    signal: (name) => void process.kill(pid, name),
    ended: async () => {
      for (const deadline = Date.now() + PATIENCE; isRunning(pid); await sleep(50))
        if (Date.now() > deadline) throw new Error(`dockerd (process ${pid}) does not end`)
    },
  }
}

/** Removes every container, stops the engine and deletes its folder. */
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

/** Removes what an engine that has ended left in its folder, however it ended. */
export async function clearEngineFolder(folder: string): Promise<void> {
  endShims(folder)
  await unmountBelow(folder)
  await rm(folder, { recursive: true, force: true })
}

/** An engine that was killed leaves the parents of its containers behind. They name its socket. */
function endShims(folder: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const isShim = words[0]?.includes('containerd-shim') === true
      if (isShim && words.some((word) => word.startsWith(`${folder}/`))) process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Unmounts what was left behind in a folder, such as an engine's mount of the host's network namespace. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const places = mounts.map((line) => line.split(' ')[1] ?? '').filter((place) => place.startsWith(`${folder}/`))
  for (const place of places.toReversed()) await run('umount', ['-l', place])
}
