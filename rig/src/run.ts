import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Time that a program has, in milliseconds. Long enough for a busy machine: a program that fails ends earlier. */
const DEFAULT_TIMEOUT_MS = 180_000

/**
 * Time that an engine, an API server or a node has to start or to stop, in milliseconds. On a quiet machine it takes
 * seconds; beside other load it takes many times as long. A failed start is noticed earlier, by the end of its process.
 */
export const START_TIMEOUT_MS = 300_000

/** Options of `run`. */
export interface RunOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** In milliseconds. @default 180000 */
  readonly timeout?: number
  /** Written to the program's standard input. */
  readonly input?: string | Buffer
}

/**
 * Runs a program to its end and returns its standard output.
 *
 * @throws Error with its standard error when it fails or takes too long
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { timeout = DEFAULT_TIMEOUT_MS } = options
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
    timeout,
  })
  const started = performance.now()
  // A program that closes its input early fails by itself; its exit code says more.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input)
  const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), endOf(child)])
  if (code === 0) return stdout
  const isTimeout = code === 'SIGTERM' && performance.now() - started >= timeout
  const reason = isTimeout ? `did not end within ${timeout} ms` : `ended with ${code}`
  throw new Error(`${[program, ...args].join(' ')} ${reason}: ${stderr.trim()}`)
}

/** Returns true if a program of this name can be started. */
export async function hasProgram(program: string): Promise<boolean> {
  return run('sh', ['-c', 'command -v "$1"', 'sh', program]).then(
    () => true,
    () => false,
  )
}

/** Repeats a check until it holds. Returns false if it does not hold in time. */
export async function eventually(
  check: () => Promise<boolean> | boolean,
  { timeout = START_TIMEOUT_MS, interval = 100 }: { readonly timeout?: number; readonly interval?: number } = {},
): Promise<boolean> {
  for (const deadline = Date.now() + timeout; !(await check()); await sleep(interval))
    if (Date.now() > deadline) return false
  return true
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  stream.setEncoding('utf8')
  for await (const chunk of stream) text += String(chunk)
  return text
}

async function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'an unknown status'))
  })
}
