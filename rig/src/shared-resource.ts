import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt } from './attempt.ts'
import { isAlive, isRunning, type KnownProcess, knownProcess } from './processes.ts'

/** Resource that takes seconds to start, so all processes of this machine share one. */
export interface SharedResourceOptions<Value extends object> {
  /** Name of its files in the directory for temporary files. */
  readonly name: string
  /** Returns false if the recorded resource no longer exists. */
  exists(value: Value): boolean
  stop(value: Value): Promise<void>
}

type State<Value extends object> = Value & {
  /** Processes that use the resource. The last one to release it stops it. */
  readonly users: readonly number[]
  /** Keeps the resource until `release` is called without a user. */
  readonly stays: boolean
}

export interface SharedResource<Value extends object> {
  /** Runs a task while no other process of this machine runs one for this resource. */
  locked<Result>(task: () => Promise<Result>): Promise<Result>
  /** Returns the recorded resource if it exists. */
  current(): Value | undefined
  /** Records a started resource, without users. */
  record(value: Value): void
  /** Adds a user: a process that calls `release` at its end. Without one the resource stays. */
  join(user?: number): void
  /** Stops the resource: at once, or, given a `user`, if that was its last user and it is not to stay. */
  release(user?: number): Promise<'stopped' | 'left alone'>
}

/** Creates the handle of a shared resource. Its state and its lock are files. */
export function sharedResource<Value extends object>({
  name,
  exists,
  stop,
}: SharedResourceOptions<Value>): SharedResource<Value> {
  const stateFile = join(tmpdir(), `${name}.json`)
  const lockFile = join(tmpdir(), `${name}.lock`)

  const write = (state: State<Value>): void => writeFileSync(stateFile, JSON.stringify(state), { mode: 0o600 })
  const read = (): State<Value> | undefined =>
    attempt(() => {
      const state = JSON.parse(readFileSync(stateFile, 'utf8')) as State<Value>
      return exists(state) ? state : undefined
    })
  const locked = async <Result>(task: () => Promise<Result>): Promise<Result> => {
    while (!takeLock(lockFile)) await sleep(100)
    try {
      return await task()
    } finally {
      rmSync(lockFile, { force: true })
    }
  }

  return {
    locked,
    current: read,
    record: (value) => write({ ...value, users: [], stays: false }),
    join: (user) => {
      const state = read()
      if (state === undefined) return
      const users = state.users.filter(isRunning)
      if (user === undefined) write({ ...state, users, stays: true })
      else write({ ...state, users: [...users, user] })
    },
    release: (user) =>
      locked(async () => {
        const state = read()
        if (state === undefined) return 'left alone'
        const users = state.users.filter((other) => other !== user && isRunning(other))
        if (user !== undefined && (state.stays || users.length > 0 || !state.users.includes(user))) {
          write({ ...state, users })
          return 'left alone'
        }
        await stop(state)
        rmSync(stateFile, { force: true })
        return 'stopped'
      }),
  }
}

/** Creates the lock with its holder's name in one step, so no process ever reads an unfinished lock. */
function takeLock(file: string): boolean {
  const own = `${file}.${process.pid}`
  writeFileSync(own, JSON.stringify(knownProcess(process.pid)))
  try {
    linkSync(own, file)
    return true
  } catch {
    if (!isHeld(file)) removeStaleLock(file, own)
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

/** Takes a stale lock away. Puts it back if another process replaced it by a valid one in the meantime. */
function removeStaleLock(file: string, own: string): void {
  const removed = `${own}.stale`
  try {
    renameSync(file, removed)
    if (isHeld(removed)) linkSync(removed, file)
  } catch {
    // Another process removed it first.
  } finally {
    rmSync(removed, { force: true })
  }
}

/** Returns false for a lock of an ended process, or without a valid text. A missing file counts as held: try again. */
function isHeld(file: string): boolean {
  const text = attempt(() => readFileSync(file, 'utf8'))
  return text === undefined || (attempt(() => isAlive(JSON.parse(text) as KnownProcess)) ?? false)
}

/** Environment variable with the process id of a test run: resources that its workers use are released at its end. */
const TEST_RUN = 'RCA_RIG_TEST_RUN'

/** Marks this process as a test run. Returns its id. */
export function beginTestRun(): number {
  process.env[TEST_RUN] = String(process.pid)
  return process.pid
}

/** Returns the id of the test run that this process belongs to. */
export function testRun(): number {
  return Number(process.env[TEST_RUN] ?? process.pid)
}
