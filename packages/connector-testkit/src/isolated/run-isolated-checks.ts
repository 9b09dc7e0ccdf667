import { type ChildProcess, spawn } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CheckDescription, CheckResult } from '../check.ts'
import { childEnvironment } from './child-environment.ts'
import type { CheckMessage, CheckProcessSetup, CheckRequest } from './messages.ts'

/** Options of `runIsolatedChecks`. */
export interface IsolatedChecksOptions {
  /** Folder of the connector's package, built. */
  readonly packageFolder: string
  /** Compiled module that exports `scenarios`, a list. @default none: only what needs no run is checked */
  readonly scenariosModule?: string | undefined
  /** Arguments of Node.js, such as `--conditions=source`. @default [] */
  readonly nodeArguments?: readonly string[]
  /** Environment variables that the scenarios read. @default those with which programs find their files */
  readonly environment?: readonly string[]
  /** Time for one check, which may run every scenario with every fault. @default 300000 */
  readonly checkTimeoutMs?: number
  /** Called with each result. */
  readonly onResult?: (result: CheckResult) => void
}

const DEFAULT_CHECK_TIMEOUT_MS = 300_000

/** As in core: code that takes longer to load waits for something, perhaps for ever. */
const LOAD_TIMEOUT_MS = 60_000

const MAX_ERROR_TEXT = 4_000

const CHILD = fileURLToPath(new URL(`./check-process${extname(import.meta.url)}`, import.meta.url))

/**
 * Makes every check of a connector's package in a process of its own, without the environment of this one. A check
 * during which the process ends or hangs has failed, and says so; the others are made in a new process. If the process
 * ended while the scenarios ran that checks share, those checks are skipped.
 *
 * @throws {Error} if the checks cannot be made, for example since a scenario does not start
 */
export async function runIsolatedChecks(options: IsolatedChecksOptions): Promise<CheckResult[]> {
  const { packageFolder, scenariosModule, nodeArguments = [], checkTimeoutMs = DEFAULT_CHECK_TIMEOUT_MS } = options
  let setup: CheckProcessSetup = { packageFolder, scenariosModule, nodeArguments }
  let worker = startWorker(setup, options)
  const results: CheckResult[] = []
  try {
    let list = await worker.ready()
    if (typeof list === 'string') {
      // `LOAD-ends` has the details.
      setup = { ...setup, withoutConnector: 'it needs a package whose import ends, and does not end the process' }
      worker = startWorker(setup, options)
      list = await worker.ready()
      if (typeof list === 'string') throw new Error(`The checks cannot be made: ${list}`)
    }
    for (const [index, description] of list.entries()) {
      const outcome = await worker.make(index, checkTimeoutMs)
      const result = 'result' in outcome ? outcome.result : failed(description, outcome.end)
      results.push(result)
      options.onResult?.(result)
      if ('result' in outcome || index === list.length - 1) continue
      if (outcome.wasRehearsing)
        setup = { ...setup, withoutRehearsal: `it needs scenarios that end: \`${description.id}\` says what happened` }
      worker = startWorker(setup, options)
      const again = await worker.ready()
      if (typeof again === 'string') throw new Error(`The checks cannot be continued: ${again}`)
    }
    return results
  } finally {
    worker.stop()
  }
}

function failed(description: CheckDescription, end: string): CheckResult {
  return { ...description, severity: 'error', status: 'failed', findings: [end] }
}

type Outcome = { readonly result: CheckResult } | { readonly end: string; readonly wasRehearsing: boolean }

/** A check process. */
interface Worker {
  /** Returns the checks, or why the process has ended. @throws {Error} if it refuses to make them */
  ready(): Promise<readonly CheckDescription[] | string>
  /** Makes a check. @throws {Error} if it could not be made */
  make(index: number, timeoutMs: number): Promise<Outcome>
  stop(): void
}

function startWorker(
  setup: CheckProcessSetup,
  { nodeArguments = [], environment = [] }: IsolatedChecksOptions,
): Worker {
  const child = spawn(process.execPath, [...nodeArguments, CHILD, JSON.stringify(setup)], {
    cwd: setup.packageFolder,
    env: childEnvironment(environment),
    // Standard output belongs to this process.
    stdio: ['ignore', 2, 'pipe', 'ipc'],
  })
  const errorText = captureErrorText(child)
  let wasRehearsing = false
  child.on('message', ({ kind }: CheckMessage) => {
    if (kind === 'rehearsing') wasRehearsing = true
  })
  const next = async (
    timeoutMs: number,
  ): Promise<Exclude<CheckMessage, { kind: 'rehearsing' | 'refused' }> | string> => {
    const message = await nextMessage(child, timeoutMs)
    if (typeof message === 'string') return [message, errorText()].filter((part) => part !== '').join(': ')
    if (message.kind === 'refused') throw new Error(message.reason)
    return message
  }
  return {
    ready: async () => {
      const message = await next(LOAD_TIMEOUT_MS)
      return typeof message === 'string' || message.kind !== 'ready' ? String(message) : message.checks
    },
    make: async (make, timeoutMs) => {
      wasRehearsing = false
      const request: CheckRequest = { make }
      if (child.connected) child.send(request)
      const message = await next(timeoutMs)
      if (typeof message !== 'string' && message.kind === 'result') return { result: message.result }
      return { end: String(message), wasRehearsing }
    },
    stop: () => void child.kill('SIGKILL'),
  }
}

/** Returns the next answer to a request, or how the process ended. Ends a process that takes too long. */
function nextMessage(
  child: ChildProcess,
  timeoutMs: number,
): Promise<Exclude<CheckMessage, { kind: 'rehearsing' }> | string> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, timeoutMs)
    const finish = (outcome: Exclude<CheckMessage, { kind: 'rehearsing' }> | string): void => {
      clearTimeout(timer)
      child.off('message', onMessage).off('close', onClose).off('error', reject)
      resolve(outcome)
    }
    const onMessage = (message: CheckMessage): void => {
      if (message.kind !== 'rehearsing') finish(message)
    }
    const onClose = (): void => {
      if (isLate) finish(`it did not end within ${timeoutMs / 1000} s, and its process was stopped`)
      else finish(`the process ended with ${child.signalCode ?? `code ${child.exitCode}`}`)
    }
    child.on('message', onMessage).on('close', onClose).on('error', reject)
    // It may have ended after the last check, such as by an error that is thrown in a timer.
    if (child.exitCode !== null || child.signalCode !== null) onClose()
  })
}

/** Passes standard error on, and returns a function that finds the error that ended the process. */
function captureErrorText(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    text = `${text}${chunk}`.slice(-MAX_ERROR_TEXT)
  })
  return () => /^(?:Uncaught )?\w*Error\b.*$/m.exec(text)?.[0] ?? ''
}
