import { type ChildProcess, spawn } from 'node:child_process'

export interface RunOptions {
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** In milliseconds. @default 60000 */
  readonly timeout?: number
  /** Written to the program's standard input. */
  readonly input?: string | Buffer
}

/** Runs a program to its end and returns what it wrote to standard output. @throws Error with what it wrote to standard error when it fails. */
export async function run(program: string, words: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = spawn(program, words, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
    timeout: options.timeout ?? 60_000,
  })
  // A program that does not read to the end fails by itself; its exit code says more.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input)
  const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), endOf(child)])
  if (code === 0) return stdout
  throw new Error(`${[program, ...words].join(' ')} ended with ${code}: ${stderr.trim()}`)
}

/** Whether a program of this name can be started. */
export async function hasProgram(program: string): Promise<boolean> {
  return run('sh', ['-c', 'command -v "$1"', 'sh', program]).then(
    () => true,
    () => false,
  )
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
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
}
