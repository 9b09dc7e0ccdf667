import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Folder in which Node keeps compiled sources. Without it, compiling takes half of the time of a program's start. */
const NODE_COMPILE_CACHE = join(tmpdir(), 'node-compile-cache')

/** A program that a test started, in a process group of its own. */
export interface Program {
  readonly pid: number
  /** All output so far. */
  stdout(): string
  stderr(): string
  /** Exit code, or the signal that killed the program. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  hasEnded(): boolean
  /** Sends a signal to the program and its children, and waits until it has exited. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
  /** Sends SIGTERM every millisecond until the program has exited. */
  stopImpatiently(): Promise<number | NodeJS.Signals | null>
}

/** Starts a program with `PATH`, `HOME`, a cache for Node and the given variables as its environment. */
export function startProgram(
  command: string,
  words: readonly string[],
  options: { cwd: string; env?: Readonly<Record<string, string>> },
): Program {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(command, words, {
    cwd: options.cwd,
    env: { PATH, HOME, NODE_COMPILE_CACHE, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const written = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.stderr += text
  })
  let over = false
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      over = true
      resolve(code ?? signal)
    })
  })
  const pid = child.pid ?? 0
  const send = (signal: NodeJS.Signals): void => {
    if (!over) process.kill(-pid, signal)
  }
  return {
    pid,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    ended,
    hasEnded: () => over,
    stop: async (signal = 'SIGTERM') => {
      send(signal)
      return ended
    },
    stopImpatiently: async () => {
      const sending = setInterval(() => {
        // After its exit, which may be before its output was read, the group id may belong to another process.
        if (child.exitCode === null && child.signalCode === null) send('SIGTERM')
      }, 1)
      return ended.finally(() => clearInterval(sending))
    },
  }
}

/**
 * Polls until `ask` returns an answer.
 *
 * @throws {Error} after `milliseconds` without an answer, with the last error as its cause
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  milliseconds = 50_000,
): Promise<Answer> {
  let last: unknown
  for (const deadline = Date.now() + milliseconds; Date.now() < deadline; await sleep(100)) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      last = error
    }
  }
  throw new Error(`${what} did not happen`, { cause: last })
}
