import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { restorePrototypes, snapshotPrototypes } from './prototypes.ts'

/** Effects of some code on the whole process. */
export interface ProcessRecord {
  /** Calls of `process.exit`. */
  readonly exits: readonly string[]
  readonly uncaught: readonly unknown[]
  readonly unhandled: readonly unknown[]
  /** Texts on standard output. */
  readonly printed: readonly string[]
  /** Names of changed properties of shared prototypes. They are restored. */
  readonly prototypes: readonly string[]
}

/** Watches the effects of code on the process. */
export interface ProcessMonitor extends ProcessRecord {
  /** Runs code, and attributes to it what it does, also later. */
  run<Result>(code: () => Promise<Result>): Promise<Result>
  /** Returns the kinds of open timers, sockets, watches and processes that keep the process alive. */
  openResources(): string[]
}

/** Kinds of resources of Node.js that code has to close. */
const RESOURCES: Readonly<Record<string, string>> = {
  Timeout: 'a timer',
  TCPWRAP: 'a connection',
  TCPSERVERWRAP: 'a server',
  PIPEWRAP: 'a local connection',
  PIPESERVERWRAP: 'a local server',
  UDPWRAP: 'a UDP socket',
  PROCESSWRAP: 'a child process',
  FSEVENTWRAP: 'a watched file',
  STATWATCHER: 'a watched file',
  WORKER: 'a worker thread',
}

type Resource = { readonly kind: string; readonly resource: { hasRef?: () => boolean } }

/** Only one monitor at a time: it replaces functions of the process. */
let previous: Promise<unknown> = Promise.resolve()

/** Runs a function with a monitor, after those that others run. */
export async function withProcessMonitor<Result>(use: (monitor: ProcessMonitor) => Promise<Result>): Promise<Result> {
  const turn = previous.then(() => monitored(use))
  previous = turn.catch(() => undefined)
  return turn
}

async function monitored<Result>(use: (monitor: ProcessMonitor) => Promise<Result>): Promise<Result> {
  const inside = new AsyncLocalStorage<true>()
  const exits: string[] = []
  const uncaught: unknown[] = []
  const unhandled: unknown[] = []
  const printed: string[] = []
  const prototypes: string[] = []
  const before = snapshotPrototypes()
  const resources = new Map<number, Resource>()
  const hook = createHook({
    init: (id, type, _trigger, resource) => {
      const kind = RESOURCES[type]
      if (kind !== undefined && inside.getStore() === true) resources.set(id, { kind, resource })
    },
    destroy: (id) => void resources.delete(id),
  })
  const restore = [
    replaceExit(inside, exits),
    replaceOutput(inside, printed),
    captureUncaught(uncaught),
    captureUnhandled(unhandled),
  ]
  hook.enable()
  try {
    return await use({
      exits,
      uncaught,
      unhandled,
      printed,
      prototypes,
      run: (code) => inside.run(true, code),
      openResources: () =>
        [...resources.values()].filter(({ resource }) => resource.hasRef?.() !== false).map(({ kind }) => kind),
    })
  } finally {
    // Errors of the last moment, such as unhandled rejections, are reported after the microtasks.
    await new Promise((resolve) => setImmediate(resolve))
    hook.disable()
    prototypes.push(...restorePrototypes(before))
    for (const undo of restore) undo()
  }
}

function replaceExit(inside: AsyncLocalStorage<true>, exits: string[]): () => void {
  const { exit } = process
  process.exit = ((code?: number) => {
    if (inside.getStore() !== true) return exit(code)
    exits.push(`process.exit(${code ?? ''})`)
    return undefined
  }) as typeof process.exit
  return () => {
    process.exit = exit
  }
}

/** Keeps what code prints: test runners may use standard output for their own reports. */
function replaceOutput(inside: AsyncLocalStorage<true>, printed: string[]): () => void {
  const { write } = process.stdout
  process.stdout.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    if (inside.getStore() !== true) return Reflect.apply(write, process.stdout, [chunk, ...rest]) as boolean
    printed.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
    const done = rest.find((each) => typeof each === 'function')
    if (done !== undefined) process.nextTick(done)
    return true
  }) as typeof process.stdout.write
  const { console: output } = globalThis
  const methods = (['log', 'info', 'debug'] as const).map((name) => {
    const method = output[name]
    // Test runners replace the console by one that does not write to standard output of this process.
    output[name] = (...values: unknown[]) => {
      if (inside.getStore() === true) printed.push(values.map(String).join(' '))
      else method.apply(output, values)
    }
    return () => {
      output[name] = method
    }
  })
  return () => {
    process.stdout.write = write
    for (const undo of methods) undo()
  }
}

function captureUncaught(uncaught: unknown[]): () => void {
  if (process.hasUncaughtExceptionCaptureCallback()) return () => undefined
  process.setUncaughtExceptionCaptureCallback((error) => void uncaught.push(error))
  return () => process.setUncaughtExceptionCaptureCallback(null)
}

function captureUnhandled(unhandled: unknown[]): () => void {
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const record = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', record)
  return () => {
    process.off('unhandledRejection', record)
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
}

/** Returns the CPU time of this thread so far, in milliseconds. Unlike time, it does not depend on other processes. */
function threadCpuMs(): number {
  // From Node.js 22.19 and 23.9 on; before, the CPU time of the process.
  const usage = process as unknown as { threadCpuUsage?: () => { user: number; system: number } }
  const { user, system } = usage.threadCpuUsage?.() ?? process.cpuUsage()
  return (user + system) / 1000
}

/** Returns the result of some code, and the CPU time of its longest turn of the event loop, in milliseconds. */
export async function measureLongestTurn<Result>(
  code: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly longestTurnMs: number }> {
  let last = threadCpuMs()
  let longestTurnMs = 0
  const measure = (): void => {
    const now = threadCpuMs()
    longestTurnMs = Math.max(longestTurnMs, now - last)
    last = now
  }
  const timer = setInterval(measure, 2)
  try {
    const result = await code()
    measure()
    return { result, longestTurnMs }
  } finally {
    clearInterval(timer)
  }
}
