import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning } from './processes.ts'

/** A lock that names nobody is being written; after this time it was left behind, in milliseconds. */
const LONGEST_WRITE = 10_000

/** Something that costs seconds to start, so that all processes of this machine share one. */
export interface SharedPart<Value extends object> {
  /** Of its files in the folder for temporary ones. */
  readonly name: string
  /** Whether what was noted is still there. */
  isThere(value: Value): boolean
  stop(value: Value): Promise<void>
}

interface Use {
  /** Processes that use it. The last of them stops it. */
  readonly users: readonly number[]
  /** Whether it stays until it is told to stop. */
  readonly stays: boolean
}

type State<Value extends object> = Value & Use

export interface Sharing<Value extends object> {
  /** Only one process at a time: test workers ask at the same moment. */
  locked<Result>(task: () => Promise<Result>): Promise<Result>
  /** What was noted and is still there. */
  current(): Value | undefined
  /** Notes what was started, still without users. */
  note(value: Value): void
  /** Notes a user of it: a process that calls `release` at its end; without one it stays. */
  join(user?: number): void
  /** Stops it if it is there: at once, or when `user` was the last that used it and nobody wants it to stay. */
  release(user?: number): Promise<'stopped' | 'left alone'>
}

export function sharing<Value extends object>({ name, isThere, stop }: SharedPart<Value>): Sharing<Value> {
  const stateFile = join(tmpdir(), `${name}.json`)
  const lockFile = join(tmpdir(), `${name}.lock`)

  const write = (state: State<Value>): void => writeFileSync(stateFile, JSON.stringify(state), { mode: 0o600 })
  const read = (): State<Value> | undefined => {
    try {
      const state = JSON.parse(readFileSync(stateFile, 'utf8')) as State<Value>
      return isThere(state) ? state : undefined
    } catch {
      return undefined
    }
  }
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
    current: () => read(),
    note: (value) => write({ ...value, users: [], stays: false }),
    join: (user) => {
      const state = read()
      if (state === undefined) return
      const users = user === undefined ? usersOf(state) : [...usersOf(state), user]
      write({ ...state, users, stays: state.stays || user === undefined })
    },
    release: (user) =>
      locked(async () => {
        const state = read()
        if (state === undefined) return 'left alone'
        const users = usersOf(state).filter((other) => other !== user)
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

/** Those that have not ended. */
function usersOf({ users }: Use): number[] {
  return users.filter((user) => isRunning(user))
}

function takeLock(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    if (isLeftBehind(file)) rmSync(file, { force: true })
    return false
  }
}

function isLeftBehind(file: string): boolean {
  try {
    const holder = readFileSync(file, 'utf8')
    return holder === '' ? Date.now() - statSync(file).mtimeMs > LONGEST_WRITE : !isRunning(Number(holder))
  } catch {
    // Whoever held it has let it go.
    return false
  }
}
