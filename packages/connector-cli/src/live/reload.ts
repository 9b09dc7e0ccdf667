import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs/promises'
import { CliError } from '../cli-error.ts'

/** Time in which editors and formatters save all files of one change. */
const SETTLE_MS = 200

/** Time in which a run should end. */
const STOP_TIMEOUT_MS = 10_000

/** Options of `runOnChange`. */
export interface ReloadOptions {
  /** Folder with the sources. */
  readonly sources: string
  /** Module and arguments of each run. */
  readonly module: string
  readonly words: readonly string[]
  readonly folder: string
  print(line: string): void
  /** Ends the last run. */
  readonly signal: AbortSignal
}

/**
 * Runs a module in a process of its own, again after each change of the sources: nothing of the code before stays
 * loaded. A run ends when its channel to this process closes: {@link endOfProcess}. Resolves after the signal has
 * aborted and the last run has ended.
 *
 * @throws {CliError} if the sources cannot be watched
 */
export async function runOnChange({ sources, module, words, folder, print, signal }: ReloadOptions): Promise<void> {
  const start = (): ChildProcess => {
    const child = fork(module, words, { cwd: folder, stdio: 'inherit', serialization: 'json' })
    child.once('exit', (code) => {
      if (code !== 0 && !signal.aborted && child === running)
        print(
          `The run ended${code === null ? '' : ` with exit code ${code}`}. It starts again when a source file is saved.`,
        )
    })
    return child
  }
  let running = start()
  let timer: NodeJS.Timeout | undefined
  let restarting = Promise.resolve()
  const restart = async (): Promise<void> => {
    const before = running
    await stop(before)
    if (signal.aborted) return
    print('A source file was saved.')
    running = start()
  }
  try {
    for await (const _change of watch(sources, { recursive: true, signal })) {
      clearTimeout(timer)
      timer = setTimeout(() => {
        restarting = restarting.then(restart)
      }, SETTLE_MS)
    }
  } catch (error) {
    if (!signal.aborted)
      throw new CliError(`${sources} cannot be watched: ${(error as Error).message}`, { cause: error })
  } finally {
    clearTimeout(timer)
    await restarting
    await stop(running)
  }
}

/** Asks a run to end, and ends it after a while. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  if (child.connected) child.disconnect()
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(timer)
}

/**
 * Returns a signal that aborts when this process is asked to end: by a signal of the system, or, in a run of
 * {@link runOnChange}, by the end of the channel to its parent. `dispose` lets the process end by itself.
 */
export function endOfProcess(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  const end = (): void => controller.abort()
  const names = ['SIGINT', 'SIGTERM', 'disconnect'] as const
  for (const name of names) process.on(name as 'SIGINT', end)
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of names) process.off(name, end)
    },
  }
}
