import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasProgram } from '../run.ts'
import { importBusybox } from './busybox-image.ts'
import { answers } from './docker-cli.ts'
import { clearEngineFolder, engineOf, isRunning, removePrivateEngine, startPrivateEngine } from './private-engine.ts'

/** Where the Docker command line looks without `DOCKER_HOST`. */
const DEFAULT_HOST = 'unix:///var/run/docker.sock'

/** Of the engine that we start where none answers. */
const folder = join(tmpdir(), 'rca-rig-docker')
const stateFile = join(tmpdir(), 'rca-rig-docker.json')
const lockFolder = join(tmpdir(), 'rca-rig-docker.lock')

/** A lock that is held longer was left behind, in milliseconds: far more than it takes to start and stop an engine. */
const LONGEST_LOCK = 300_000

interface State {
  readonly dockerHost: string
  readonly pid: number
  /** Processes that use it. The last of them stops it. */
  readonly users: readonly number[]
  /** Whether it stays until it is told to stop. */
  readonly stays: boolean
}

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
  return locked(async () => {
    const dockerHost = (await runningEngine()) ?? (await startIfPossible())
    if (dockerHost === undefined)
      return {
        dockerHost: '',
        missing: 'no Docker Engine answers, and one is started only by root where `dockerd` is installed',
      }
    const state = readState()
    if (state?.dockerHost === dockerHost)
      writeState({
        ...state,
        stays: state.stays || user === undefined,
        users: user === undefined ? usersOf(state) : [...usersOf(state), user],
      })
    await importBusybox(dockerHost)
    return { dockerHost }
  })
}

/** Stops the private engine if there is one: at once, or when `user` was the last that used it and nobody wants it to stay. */
export async function releaseEngine(user?: number): Promise<'stopped' | 'left alone'> {
  return locked(async () => {
    const state = readState()
    if (state === undefined) return 'left alone'
    const users = usersOf(state).filter((other) => other !== user)
    if (user !== undefined && (state.stays || users.length > 0 || !state.users.includes(user))) {
      writeState({ ...state, users })
      return 'left alone'
    }
    await removePrivateEngine(engineOf(state.dockerHost, state.pid), folder)
    rmSync(stateFile, { force: true })
    return 'stopped'
  })
}

async function runningEngine(): Promise<string | undefined> {
  const { DOCKER_HOST: chosen } = process.env
  for (const host of [chosen, DEFAULT_HOST, readState()?.dockerHost])
    if (host !== undefined && host !== '' && (await answers(host))) return host
  return undefined
}

async function startIfPossible(): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !(await hasProgram('dockerd'))) return undefined
  await clearEngineFolder(folder)
  const { dockerHost, pid } = await startPrivateEngine({ folder, isolated: false })
  writeState({ dockerHost, pid, users: [], stays: false })
  return dockerHost
}

/** Those that have not ended. */
function usersOf({ users }: State): number[] {
  return users.filter(isRunning)
}

function writeState(state: State): void {
  writeFileSync(stateFile, JSON.stringify(state))
}

function readState(): State | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile, 'utf8')) as State
    // Whatever the file says, only an engine of our own folder is ours.
    const isOurs = isRunning(state.pid) && readFileSync(`/proc/${state.pid}/cmdline`, 'utf8').includes(`${folder}/`)
    return isOurs ? state : undefined
  } catch {
    return undefined
  }
}

/** Only one process at a time: test workers ask at the same moment. */
async function locked<Result>(task: () => Promise<Result>): Promise<Result> {
  while (!takeLock()) await sleep(100)
  try {
    return await task()
  } finally {
    rmSync(lockFolder, { recursive: true, force: true })
  }
}

function takeLock(): boolean {
  try {
    mkdirSync(lockFolder)
    return true
  } catch {
    try {
      if (Date.now() - statSync(lockFolder).mtimeMs > LONGEST_LOCK) rmdirSync(lockFolder)
    } catch {
      // Whoever held it has let it go.
    }
    return false
  }
}
