import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt } from '../attempt.ts'
import { endProcess, isAlive, type KnownProcess, startDaemon } from '../processes.ts'

/** Processes of a cluster, recorded in its directory so that another process can stop them. */
export interface Components {
  /** Starts a component unless it runs. */
  start(name: string, args: readonly string[]): Promise<void>
  isAlive(name: string): boolean
  pids(): Readonly<Record<string, number>>
  /** Sends a signal. For SIGKILL, resolves when the process has ended. @throws Error when the component does not run */
  signal(name: string, signal: NodeJS.Signals): Promise<void>
  stop(name: string): Promise<void>
  /** Returns the end of its log. */
  log(name: string): string
}

export function componentsIn(folder: string): Components {
  const records = join(folder, 'run')
  const logs = join(folder, 'log')
  const alive = (name: string): KnownProcess | undefined => {
    const recorded = attempt(() => JSON.parse(readFileSync(join(records, name), 'utf8')) as KnownProcess)
    return recorded !== undefined && isAlive(recorded) ? recorded : undefined
  }

  return {
    start: async (name, args) => {
      if (alive(name) !== undefined) return
      for (const directory of [records, logs]) mkdirSync(directory, { recursive: true })
      writeFileSync(join(records, name), JSON.stringify(await startDaemon(args, join(logs, `${name}.log`))))
    },
    isAlive: (name) => alive(name) !== undefined,
    pids: () => {
      const running = (attempt(() => readdirSync(records)) ?? []).map((name) => [name, alive(name)?.pid] as const)
      return Object.fromEntries(running.filter((entry): entry is [string, number] => entry[1] !== undefined))
    },
    signal: async (name, signal) => {
      const running = alive(name)
      if (running === undefined) throw new Error(`${name} of ${folder} is not running`)
      process.kill(running.pid, signal)
      while (signal === 'SIGKILL' && isAlive(running)) await sleep(20)
    },
    stop: async (name) => {
      const running = alive(name)
      if (running !== undefined) await endProcess(running)
      rmSync(join(records, name), { force: true })
    },
    log: (name) => attempt(() => readFileSync(join(logs, `${name}.log`), 'utf8').slice(-2000)) ?? '',
  }
}
