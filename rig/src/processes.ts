import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process that can be told from a later one with the same id. */
export interface KnownProcess {
  readonly pid: number
  /** In clock ticks since the machine started. */
  readonly startTime: string
}

/** Starts a program that outlives this process, with its output appended to a file. @throws Error when it cannot be started */
export async function startDaemon(
  [program = '', ...words]: readonly string[],
  log: string,
  env: Readonly<Record<string, string>> = {},
): Promise<KnownProcess> {
  const output = openSync(log, 'a')
  const child = spawn(program, words, {
    stdio: ['ignore', output, output],
    detached: true,
    env: { ...process.env, ...env },
  })
  closeSync(output)
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  child.unref()
  const pid = child.pid ?? 0
  return { pid, startTime: startTimeOf(pid) ?? '' }
}

/** Whether a process is there that has not ended: one that nobody has waited for yet has. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Whether it is this very process that runs. */
export function isAlive({ pid, startTime }: KnownProcess): boolean {
  return isRunning(pid) && startTimeOf(pid) === startTime
}

/** Asks a process to end, and makes it after some seconds. Resolves when it is gone. */
export async function endProcess(known: KnownProcess): Promise<void> {
  const send = (name: NodeJS.Signals): void => {
    try {
      if (isAlive(known)) process.kill(known.pid, name)
    } catch {
      // It has ended meanwhile.
    }
  }
  send('SIGTERM')
  // One that was stopped acts on the first signal only now.
  send('SIGCONT')
  for (const deadline = Date.now() + 15_000; isAlive(known); await sleep(50)) if (Date.now() > deadline) send('SIGKILL')
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
