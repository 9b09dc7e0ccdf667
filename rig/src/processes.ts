import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Time that a process has to end after SIGTERM, in milliseconds. Then it is killed. */
const TERMINATION_TIMEOUT_MS = 15_000

/** A process, distinguishable from a later one with the same id. */
export interface KnownProcess {
  readonly pid: number
  /** In clock ticks since boot. */
  readonly startTime: string
}

/** Returns this process. */
export function thisProcess(): KnownProcess {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? '' }
}

/**
 * Starts a program that outlives this process, with its output appended to a file.
 *
 * @throws Error when the program cannot be started
 */
export async function startDaemon(
  [program = '', ...args]: readonly string[],
  log: string,
  env: Readonly<Record<string, string>> = {},
): Promise<KnownProcess> {
  const output = openSync(log, 'a')
  const child = spawn(program, args, {
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

/** Returns true for an existing process that is not a zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Returns true if this very process runs, false for a later one with the same id. */
export function isAlive({ pid, startTime }: KnownProcess): boolean {
  return isRunning(pid) && startTimeOf(pid) === startTime
}

/** Terminates a process, and kills it if it does not end in time. Resolves when it has ended. */
export async function endProcess(known: KnownProcess): Promise<void> {
  const send = (name: NodeJS.Signals): void => {
    try {
      if (isAlive(known)) process.kill(known.pid, name)
    } catch {
      // The process ended in between.
    }
  }
  send('SIGTERM')
  // A stopped process handles SIGTERM only after SIGCONT.
  send('SIGCONT')
  for (const deadline = Date.now() + TERMINATION_TIMEOUT_MS; isAlive(known); await sleep(50))
    if (Date.now() > deadline) send('SIGKILL')
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
