import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** A program that a test started, in a process group of its own. */
export interface Program {
  readonly pid: number
  /** Everything it has written so far. */
  stdout(): string
  stderr(): string
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  hasEnded(): boolean
  /** Sends a signal to the program and what it started, and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
  /** Sends SIGTERM each millisecond, until it has ended. */
  stopImpatiently(): Promise<number | NodeJS.Signals | null>
}

/** Starts a program with nothing in its environment but what a shell has and what is given. */
export function startProgram(
  command: string,
  words: readonly string[],
  options: { cwd: string; env?: Readonly<Record<string, string>> },
): Program {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(command, words, {
    cwd: options.cwd,
    env: { PATH, HOME, ...options.env },
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
        // From its end on, which is before its output has been read, the id of its group is somebody else's.
        if (child.exitCode === null && child.signalCode === null) send('SIGTERM')
      }, 1)
      return ended.finally(() => clearInterval(sending))
    },
  }
}

/** Asks again and again until the answer is there. @throws when it is not there in time, with the last answer. */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  milliseconds = 20_000,
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
