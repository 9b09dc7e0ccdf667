import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** Time that a program has, in milliseconds. Long enough for a busy machine: a program that fails ends earlier. */
const DEFAULT_TIMEOUT_MS = 180_000

/**
 * Time that an engine, an API server or a node has to start or to stop, in milliseconds. On a quiet machine it takes
 * seconds; beside other load it takes many times as long. A failed start is noticed earlier, by the end of its process.
 */
export const START_TIMEOUT_MS = 300_000

export interface RunOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** In milliseconds. @default 180000 */
  readonly timeout?: number | undefined
  /** Written to the program's standard input. */
  readonly input?: string | Buffer
}

/** Runs a program to its end, returns its output. @throws Error with its standard error if it fails or is late */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { timeout = DEFAULT_TIMEOUT_MS, cwd } = options
  const child = spawn(program, args, { cwd, env: { ...process.env, ...options.env }, stdio: 'pipe', timeout })
  const started = performance.now()
  // A program that closes its input early fails by itself; its exit code says more.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input)
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[code: number | null, signal: NodeJS.Signals | null]>,
  ])
  if (code === 0) return stdout
  const isTimeout = signal === 'SIGTERM' && performance.now() - started >= timeout
  const reason = isTimeout ? `did not end within ${timeout} ms` : `ended with ${code ?? signal}`
  throw new Error(`${[program, ...args].join(' ')} ${reason}: ${stderr.trim()}`)
}

/** Returns true if a program of this name can be started. */
export async function hasProgram(program: string): Promise<boolean> {
  return succeeds('sh', ['-c', 'command -v "$1"', 'sh', program])
}

/** Runs a program to its end. Returns false if it fails. */
export async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, args).then(
    () => true,
    () => false,
  )
}

/** Options of `eventually`. Times in milliseconds. */
interface EventuallyOptions {
  readonly timeout?: number
  readonly interval?: number
  /** Returns true when the check cannot hold anymore. @default never */
  readonly isHopeless?: () => boolean
}

/** Repeats a check until it holds. Returns false if it does not hold in time. */
export async function eventually(
  check: () => Promise<boolean> | boolean,
  { timeout = START_TIMEOUT_MS, interval = 100, isHopeless = () => false }: EventuallyOptions = {},
): Promise<boolean> {
  for (const deadline = Date.now() + timeout; !(await check()); await sleep(interval))
    if (Date.now() > deadline || isHopeless()) return false
  return true
}
