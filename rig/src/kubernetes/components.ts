import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcess, isAlive, type KnownProcess, startDaemon } from '../processes.ts'

/** The processes of a cluster, noted in its folder: another process may end them. */
export interface Components {
  /** Starts one, unless it runs. */
  start(name: string, words: readonly string[]): Promise<void>
  isAlive(name: string): boolean
  /** Those that run. */
  pids(): Readonly<Record<string, number>>
  /** Resolves when it has the signal; for SIGKILL, when it is gone. @throws Error when it does not run */
  signal(name: string, signal: NodeJS.Signals): Promise<void>
  stop(name: string): Promise<void>
  /** The end of what it wrote. */
  log(name: string): string
}

export function componentsIn(folder: string): Components {
  const notes = join(folder, 'run')
  const logs = join(folder, 'log')
  const known = (name: string): KnownProcess | undefined => {
    try {
      return JSON.parse(readFileSync(join(notes, name), 'utf8')) as KnownProcess
    } catch {
      return undefined
    }
  }
  const alive = (name: string): KnownProcess | undefined => {
    const noted = known(name)
    return noted !== undefined && isAlive(noted) ? noted : undefined
  }
  const names = (): string[] => {
    try {
      return readdirSync(notes)
    } catch {
      return []
    }
  }

  return {
    start: async (name, words) => {
      if (alive(name) !== undefined) return
      for (const place of [notes, logs]) mkdirSync(place, { recursive: true })
      writeFileSync(join(notes, name), JSON.stringify(await startDaemon(words, join(logs, `${name}.log`))))
    },
    isAlive: (name) => alive(name) !== undefined,
    pids: () => Object.fromEntries(names().flatMap((name) => entryOf(name, alive(name)))),
    signal: async (name, signal) => {
      const running = alive(name)
      if (running === undefined) throw new Error(`${name} does not run in ${folder}`)
      process.kill(running.pid, signal)
      while (signal === 'SIGKILL' && isAlive(running)) await sleep(20)
    },
    stop: async (name) => {
      const running = alive(name)
      if (running !== undefined) await endProcess(running)
      rmSync(join(notes, name), { force: true })
    },
    log: (name) => {
      try {
        return readFileSync(join(logs, `${name}.log`), 'utf8').slice(-2000)
      } catch {
        return ''
      }
    },
  }
}

function entryOf(name: string, running: KnownProcess | undefined): (readonly [string, number])[] {
  return running === undefined ? [] : [[name, running.pid]]
}
