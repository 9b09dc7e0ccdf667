import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt } from './attempt.ts'

/** Time that a process has to end after SIGTERM, in milliseconds. Then it is killed. */
const TERMINATION_TIMEOUT_MS = 15_000

/** A process, distinguishable from a later one with the same id. */
export interface KnownProcess {
  readonly pid: number
  /** In clock ticks since boot. */
  readonly startTime: string
}

export function knownProcess(pid: number): KnownProcess {
  return { pid, startTime: startTimeOf(pid) ?? '' }
}

/** Starts a program that outlives this process, with its output appended to a file. Rejects if it cannot be started. */
export async function startDaemon([program = '', ...args]: readonly string[], log: string): Promise<KnownProcess> {
  const output = openSync(log, 'a')
  const child = spawn(program, args, { stdio: ['ignore', output, output], detached: true })
  closeSync(output)
  await once(child, 'spawn')
  child.unref()
  return knownProcess(child.pid ?? 0)
}

/** Returns true for an existing process that is not a zombie. */
export function isRunning(pid: number): boolean {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, 'utf8'))
  return status !== undefined && !/^State:\s+[ZX]/m.test(status)
}

/** Returns true if this very process runs, false for a later one with the same id. */
export function isAlive({ pid, startTime }: KnownProcess): boolean {
  return isRunning(pid) && startTimeOf(pid) === startTime
}

/** Terminates a process, and kills it if it does not end in time. Resolves when it has ended. */
export async function endProcess(known: KnownProcess): Promise<void> {
  // The process may end before it gets the signal.
  const send = (name: NodeJS.Signals) => attempt(() => isAlive(known) && process.kill(known.pid, name))
  send('SIGTERM')
  // A stopped process handles SIGTERM only after SIGCONT.
  send('SIGCONT')
  for (const deadline = Date.now() + TERMINATION_TIMEOUT_MS; isAlive(known); await sleep(50))
    if (Date.now() > deadline) send('SIGKILL')
}

function startTimeOf(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}
