import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import type { Reading, Request } from './measured.ts'

const home = join(import.meta.dirname, '..')
const root = join(home, '../..')

/** A process that is measured. */
export interface Measured {
  /** From its start until it was synced, in milliseconds. */
  readonly syncMs: number
  /** When it was synced. */
  readonly synced: Reading
  read(): Promise<Reading>
  /** Begins to watch how long its event loop computes. */
  watch(): Promise<void>
  end(): Promise<void>
}

/** How a process is started. */
export interface ChildOptions {
  readonly flags: readonly string[]
  readonly words: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Words before the command, such as `unshare`. */
  readonly prefix?: readonly string[]
}

/** Builds the measured programs: stripping types at run time would take 30 MB in the measured process. */
export function buildChildren(names: readonly string[]): void {
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-b', home], { stdio: 'inherit' })
  mkdirSync(join(home, 'dist/bench'), { recursive: true })
  for (const name of [...names, 'measured']) {
    const source = stripTypeScriptTypes(readFileSync(join(import.meta.dirname, `${name}.ts`), 'utf8'))
    const built = source.replace(/'\.\.\/src\/(.+)\.ts'/g, "'../$1.js'").replace(/'\.\/(.+)\.ts'/g, "'./$1.mjs'")
    writeFileSync(join(home, `dist/bench/${name}.mjs`), built)
  }
}

/** Starts a process, and waits until it is synced. */
export async function startChild(name: string, options: ChildOptions): Promise<Measured> {
  const { flags, words, environment = {}, prefix = [] } = options
  const command = [...prefix, process.execPath, ...flags, join(home, `dist/bench/${name}.mjs`), ...words]
  const began = performance.now()
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...environment },
  })
  const ended = endOf(child)
  const synced = (await answerOf(child, ended)) as Reading
  const ask = (request: Request): Promise<unknown> => {
    const answer = answerOf(child, ended)
    child.send(request)
    return answer
  }
  return {
    syncMs: performance.now() - began,
    synced,
    read: () => ask('read') as Promise<Reading>,
    watch: async () => void (await ask('watch')),
    end: async () => {
      if (child.exitCode !== null) return
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      await closed
    },
  }
}

/** Rejects when a process ends. Listened for once: a process answers many questions. */
function endOf(child: ChildProcess): Promise<never> {
  const ended = once(child, 'close').then(([code]): never => {
    throw new Error(`The process that is measured ended with ${code}.`)
  })
  ended.catch(() => undefined)
  return ended
}

async function answerOf(child: ChildProcess, ended: Promise<never>): Promise<unknown> {
  const [answer] = await Promise.race([once(child, 'message'), ended])
  return answer
}
