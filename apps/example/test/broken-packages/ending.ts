import type { BrokenPackage } from './package-files.ts'

/** A package whose fault concerns a whole process, and what its agent logs and reports. */
export interface EndingPackage extends BrokenPackage {
  /** Exit code of the first run of the agent. Absent if it goes on. */
  readonly exitCode?: number
  /** Fields of an error in the log, which has a stack. */
  readonly line?: object
  /** Fields of a line of the log at debug, after the agent got SIGTERM. */
  readonly lastLine?: object
  /** Reason of the event of the next run, after a first run that ended. */
  readonly crash?: RegExp
  /** A gap: scope and reason. */
  readonly gap?: readonly [scope: string, reason: RegExp]
}

/** Does this in the first run alone: a file in the state directory says that it is over. */
const once = (code: string): string => `
const { existsSync, writeFileSync } = await import('node:fs')
const first = process.env.RCA_STATE_DIR + '/first'
collect(async () => {
  if (existsSync(first)) return {}
  writeFileSync(first, '')
  ${code}
  return {}
})`

/** Packages that are run in a process of their own. */
export const endingPackages: Readonly<Record<string, EndingPackage>> = {
  'timer-throws': {
    code: once("setTimeout(() => { throw new Error('lost queue') }, 1)"),
    exitCode: 1,
    line: { msg: 'uncaught error: the agent ends', agent_type: 'acme/timer-throws' },
    crash: /acme\/timer-throws of rca-timer-throws@1\.2\.3 ended the agent: lost queue/,
  },
  'emitter-error': {
    code: once(
      "const { EventEmitter } = await import('node:events')\nsetImmediate(() => new EventEmitter().emit('error', new Error('socket lost')))",
    ),
    exitCode: 1,
    line: { msg: 'uncaught error: the agent ends', agent_type: 'acme/emitter-error' },
    crash: /socket lost/,
  },
  'connect-ends': {
    code: "parts.connect = async () => { setTimeout(() => { throw new Error('no socket') }, 1); await new Promise(() => {}) }",
    exitCode: 1,
    line: { msg: 'uncaught error: the agent ends', agent_type: 'acme/connect-ends' },
    gap: ['connection', /connecting to Acme ended the agent: no socket/],
  },
  'process-exit': {
    code: once('process.exit(7)'),
    exitCode: 7,
    line: { msg: 'process.exit was called: the agent ends', exit_code: 7 },
    crash: /it called process\.exit/,
  },
  'rejects-unhandled': {
    code: "collect(async () => { void Promise.reject(new Error('forgotten')); return {} })",
    line: { msg: 'unhandled promise rejection', reason: 'Error: forgotten' },
    gap: ['connector:acme/rejects-unhandled', /forgotten/],
  },
  'sync-loop': {
    code: 'collect(async () => { const end = performance.now() + 1500; while (performance.now() < end); return {} })',
    gap: ['blocked:bad', /blocked the event loop for/],
  },
  'leaks-handles': {
    code: "const { createServer } = await import('node:net')\nparts.connect = async () => { setInterval(() => {}, 1e6); createServer().listen(0, '127.0.0.1'); return {} }",
    lastLine: {
      msg: 'connector left resources open',
      agent_type: 'acme/leaks-handles',
      open: ['TCPServerWrap', 'Timeout'],
    },
  },
  memory: {
    code: 'const kept = []\ncollect(async () => { kept.push(Buffer.alloc(6e7, 1)); return {} })',
    gap: ['memory:bad', /keeps more memory after each run: \d{3} MB/],
  },
}
