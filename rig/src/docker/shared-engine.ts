import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isRunning } from '../processes.ts'
import { eventually, hasProgram } from '../run.ts'
import { type SharedResource, sharedResource } from '../shared-resource.ts'
import { answers } from './docker-cli.ts'
import { chosenRelease, type EngineRelease, missingForRelease } from './engine-release.ts'
import { clearEngineFolder, engineOf, removePrivateEngine, startPrivateEngine } from './private-engine.ts'
import { importBusybox } from './test-images.ts'

/** Address that the Docker command line uses without `DOCKER_HOST`. */
const DEFAULT_HOST = 'unix:///var/run/docker.sock'

interface SharedEngine {
  readonly dockerHost: string
  readonly pid: number
}

function folderOf(release: EngineRelease): string {
  return join(tmpdir(), release === 'installed' ? 'rca-rig-docker' : `rca-rig-${release}`)
}

const engines: Readonly<Record<EngineRelease, SharedResource<SharedEngine>>> = {
  installed: sharedIn(folderOf('installed')),
  'docker-26': sharedIn(folderOf('docker-26')),
  'podman-5': sharedIn(folderOf('podman-5')),
}

function sharedIn(folder: string): SharedResource<SharedEngine> {
  return sharedResource({
    name: basename(folder),
    // Only a process of this directory is the private engine, whatever the state file says.
    exists: ({ pid }) => isRunning(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`),
    stop: ({ dockerHost, pid }) => removePrivateEngine(engineOf(dockerHost, pid), folder),
  })
}

/** Engine to run tests against. `dockerHost` is empty if none is available. */
export interface FoundEngine {
  readonly dockerHost: string
  readonly missing?: string
}

/**
 * Finds the engine at `DOCKER_HOST` or the default socket. If none answers, or for another release than the installed
 * one, starts a private one that all processes of this machine share, which needs root and `dockerd`. The engine has
 * the image `BUSYBOX_IMAGE`.
 *
 * @param user process that calls `releaseEngine` at its end; without one, a private engine stays
 * @param release @default that of `RCA_RIG_ENGINE`
 */
export async function findEngine(user?: number, release: EngineRelease = chosenRelease()): Promise<FoundEngine> {
  if (!(await hasProgram('docker'))) return { dockerHost: '', missing: 'the `docker` command line is not installed' }
  const shared = engines[release]
  return shared.locked(async () => {
    const dockerHost = (await runningEngine(release)) ?? (await startIfPossible(release))
    if (dockerHost === undefined) return { dockerHost: '', missing: missingForRelease(release) ?? NO_ENGINE }
    if (shared.current()?.dockerHost === dockerHost) shared.join(user)
    await importBusybox(dockerHost)
    return { dockerHost }
  })
}

const NO_ENGINE = 'no Docker Engine answers; run as root with `dockerd` installed to start a private one'

/** Stops the private engine: at once, or, given a `user`, if that was its last user and it is not to stay. */
export async function releaseEngine(
  user?: number,
  release: EngineRelease = chosenRelease(),
): Promise<'stopped' | 'left alone'> {
  return engines[release].release(user)
}

async function runningEngine(release: EngineRelease): Promise<string | undefined> {
  const { DOCKER_HOST: chosen } = process.env
  for (const host of release === 'installed' ? [chosen, DEFAULT_HOST] : []) {
    const isPossible = host?.startsWith('unix://') === true ? existsSync(host.slice('unix://'.length)) : host
    if (host !== undefined && isPossible && (await answers(host))) return host
  }
  const own = engines[release].current()
  // The private engine may be busy. Starting another one in its directory would break the tests that use it.
  return own !== undefined && (await eventually(() => answers(own.dockerHost))) ? own.dockerHost : undefined
}

async function startIfPossible(release: EngineRelease): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || missingForRelease(release) !== undefined) return undefined
  if (release === 'installed' && !(await hasProgram('dockerd'))) return undefined
  const shared = engines[release]
  const folder = folderOf(release)
  const broken = shared.current()
  if (broken === undefined) await clearEngineFolder(folder)
  else await removePrivateEngine(engineOf(broken.dockerHost, broken.pid), folder)
  const { dockerHost, pid } = await startPrivateEngine({ folder, isolated: false, release })
  shared.record({ dockerHost, pid })
  return dockerHost
}
