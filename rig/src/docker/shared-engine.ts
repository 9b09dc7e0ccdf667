import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning } from '../processes.ts'
import { hasProgram } from '../run.ts'
import { sharing } from '../sharing.ts'
import { importBusybox } from './busybox-image.ts'
import { answers } from './docker-cli.ts'
import { clearEngineFolder, engineOf, removePrivateEngine, startPrivateEngine } from './private-engine.ts'

/** Where the Docker command line looks without `DOCKER_HOST`. */
const DEFAULT_HOST = 'unix:///var/run/docker.sock'

/** Of the engine that we start where none answers. */
const folder = join(tmpdir(), 'rca-rig-docker')

const shared = sharing<{ readonly dockerHost: string; readonly pid: number }>({
  name: 'rca-rig-docker',
  // Whatever the file says, only an engine of our own folder is ours.
  isThere: ({ pid }) => isRunning(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`),
  stop: ({ dockerHost, pid }) => removePrivateEngine(engineOf(dockerHost, pid), folder),
})

/** What there is to run tests against. */
export interface FoundEngine {
  /** Empty where there is none. */
  readonly dockerHost: string
  /** Why there is none. */
  readonly missing?: string
}

/**
 * The engine at `DOCKER_HOST` or the default socket if one answers, else a private one that all callers on this machine
 * share, started where root and `dockerd` allow it. It has the image `busybox:local`.
 *
 * @param user process that calls `releaseEngine` at its end; without one, a private engine stays
 */
export async function findEngine(user?: number): Promise<FoundEngine> {
  if (!(await hasProgram('docker'))) return { dockerHost: '', missing: 'the `docker` command line is not installed' }
  return shared.locked(async () => {
    const dockerHost = (await runningEngine()) ?? (await startIfPossible())
    if (dockerHost === undefined)
      return {
        dockerHost: '',
        missing: 'no Docker Engine answers, and one is started only by root where `dockerd` is installed',
      }
    if (shared.current()?.dockerHost === dockerHost) shared.join(user)
    await importBusybox(dockerHost)
    return { dockerHost }
  })
}

/** Stops the private engine if there is one: at once, or when `user` was the last that used it and nobody wants it to stay. */
export async function releaseEngine(user?: number): Promise<'stopped' | 'left alone'> {
  return shared.release(user)
}

async function runningEngine(): Promise<string | undefined> {
  const { DOCKER_HOST: chosen } = process.env
  for (const host of [chosen, DEFAULT_HOST, shared.current()?.dockerHost])
    if (host !== undefined && host !== '' && (await answers(host))) return host
  return undefined
}

async function startIfPossible(): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !(await hasProgram('dockerd'))) return undefined
  await clearEngineFolder(folder)
  const { dockerHost, pid } = await startPrivateEngine({ folder, isolated: false })
  shared.note({ dockerHost, pid })
  return dockerHost
}
