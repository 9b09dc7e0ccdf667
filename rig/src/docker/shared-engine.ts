import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning } from '../processes.ts'
import { eventually, hasProgram } from '../run.ts'
import { sharedResource } from '../shared-resource.ts'
import { answers } from './docker-cli.ts'
import { clearEngineFolder, engineOf, removePrivateEngine, startPrivateEngine } from './private-engine.ts'
import { importBusybox } from './test-images.ts'

/** Address that the Docker command line uses without `DOCKER_HOST`. */
const DEFAULT_HOST = 'unix:///var/run/docker.sock'

const folder = join(tmpdir(), 'rca-rig-docker')

const shared = sharedResource<{ readonly dockerHost: string; readonly pid: number }>({
  name: 'rca-rig-docker',
  // Only a process of this directory is the private engine, whatever the state file says.
  exists: ({ pid }) => isRunning(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`),
  stop: ({ dockerHost, pid }) => removePrivateEngine(engineOf(dockerHost, pid), folder),
})

/** Engine to run tests against. `dockerHost` is empty if none is available. */
export interface FoundEngine {
  readonly dockerHost: string
  readonly missing?: string
}

/**
 * Finds the engine at `DOCKER_HOST` or the default socket. If none answers, starts a private one that all processes of
 * this machine share, which needs root and `dockerd`. The engine has the image `busybox:local`.
 *
 * @param user process that calls `releaseEngine` at its end; without one, a private engine stays
 */
export async function findEngine(user?: number): Promise<FoundEngine> {
  if (!(await hasProgram('docker'))) return { dockerHost: '', missing: 'the `docker` command line is not installed' }
  return shared.locked(async () => {
    const dockerHost = (await runningEngine()) ?? (await startIfPossible())
    const missing = 'no Docker Engine answers; run as root with `dockerd` installed to start a private one'
    if (dockerHost === undefined) return { dockerHost: '', missing }
    if (shared.current()?.dockerHost === dockerHost) shared.join(user)
    await importBusybox(dockerHost)
    return { dockerHost }
  })
}

/** Stops the private engine: at once, or, given a `user`, if that was its last user and it is not to stay. */
export async function releaseEngine(user?: number): Promise<'stopped' | 'left alone'> {
  return shared.release(user)
}

async function runningEngine(): Promise<string | undefined> {
  const { DOCKER_HOST: chosen } = process.env
  for (const host of [chosen, DEFAULT_HOST]) {
    const isPossible = host?.startsWith('unix://') === true ? existsSync(host.slice('unix://'.length)) : host
    if (host !== undefined && isPossible && (await answers(host))) return host
  }
  const own = shared.current()
  // The private engine may be busy. Starting another one in its directory would break the tests that use it.
  return own !== undefined && (await eventually(() => answers(own.dockerHost))) ? own.dockerHost : undefined
}

async function startIfPossible(): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !(await hasProgram('dockerd'))) return undefined
  const broken = shared.current()
  if (broken === undefined) await clearEngineFolder(folder)
  else await removePrivateEngine(engineOf(broken.dockerHost, broken.pid), folder)
  const { dockerHost, pid } = await startPrivateEngine({ folder, isolated: false })
  shared.record({ dockerHost, pid })
  return dockerHost
}
