import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import type { FileState, SharedFiles } from '../server-client.ts'
import type { Shares } from './shares.ts'
import { IGNORED, MAX_FILES } from './watched-files.ts'

/** Time that a share has to list its files, in milliseconds. */
const LIST_TIMEOUT_MS = 30_000

/** Mode in hexadecimal digits, size, owner, seconds of the last change, and path. stat(1) */
const FORMAT = '%f %s %u %Y %n'

/** Errors of single files: those that this user may not read, and those that are deleted meanwhile. */
const FILE_ERROR = /: (?:Permission denied|No such file or directory)$/

const NO_ANSWER = 'its filesystem does not answer'

/** Options of {@link createSharedFileReader}. */
export interface SharedFileOptions {
  /** Returns the path of a file of the host for this process. */
  readonly resolve: (path: string) => string
  readonly findShares: () => Shares
  /** @default 30000 */
  readonly timeoutMs?: number
}

/**
 * Returns a reader of the files on shares. A share that does not answer blocks a process of its own, which is left
 * behind. Contents are not read: a change shows in the time of the file.
 */
export function createSharedFileReader({
  resolve,
  findShares,
  timeoutMs = LIST_TIMEOUT_MS,
}: SharedFileOptions): (signal: AbortSignal) => Promise<SharedFiles> {
  const hanging = new Set<string>()

  const readShare = async (folder: string, signal: AbortSignal): Promise<Readonly<Record<string, FileState>>> => {
    if (hanging.has(folder)) throw new Error(NO_ANSWER)
    const path = resolve(folder)
    const list = listFiles(path, signal)
    hanging.add(folder)
    void list.closed.then(() => hanging.delete(folder))
    const files: Record<string, FileState> = {}
    for (const line of await list.lines) {
      const file = parseFile(line)
      if (file === undefined) continue
      const name = folder + file.path.slice(path.length)
      if (!IGNORED.test(name)) files[name] = file.state
    }
    return files
  }

  return async (signal) => {
    const { mountPoints } = findShares()
    if (mountPoints.length === 0) return { folders: {} }
    const ended = new AbortController()
    const end = (): void => ended.abort()
    const timer = setTimeout(end, timeoutMs)
    signal.addEventListener('abort', end, { once: true })
    try {
      const folders: Record<string, Readonly<Record<string, FileState>>> = {}
      const problems: string[] = []
      await Promise.all(
        mountPoints.map((folder) =>
          readShare(folder, ended.signal).then(
            (files) => {
              folders[folder] = files
            },
            (error: Error) => problems.push(`files of ${folder} are not compared: ${error.message}`),
          ),
        ),
      )
      signal.throwIfAborted()
      return problems.length === 0 ? { folders } : { folders, problem: problems.join('; ') }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }
}

/** A list of files in progress. */
interface FileList {
  /** Rejects when the signal aborts, although the process may go on. */
  readonly lines: Promise<readonly string[]>
  /** Resolves when the process has ended. */
  readonly closed: Promise<unknown>
}

/** Lists a folder, without mounts in it, with find(1) and stat(1), as GNU and busybox have them. */
function listFiles(path: string, signal: AbortSignal): FileList {
  const types = ['(', '-type', 'f', '-o', '-type', 'l', ')']
  const child = spawn('find', [path, '-xdev', ...types, '-exec', 'stat', '-c', FORMAT, '--', '{}', '+'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  // Nothing waits for it when this process ends.
  child.unref()
  for (const stream of [child.stdout, child.stderr]) if ('unref' in stream) (stream as { unref(): void }).unref()
  const kill = (): void => void child.kill('SIGKILL')
  let lines: string[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = `${rest}${text}`.split('\n')
    rest = parts.pop() ?? ''
    lines = lines.concat(parts)
    if (lines.length > MAX_FILES) kill()
  })
  const errors = text(child.stderr)
  const closed = new Promise<Error | undefined>((resolve) => {
    child.on('error', resolve)
    child.on('close', () => resolve(undefined))
  })
  const list = closed.then(async (error) => {
    if (error !== undefined) throw new Error(`\`find\` cannot be run: ${error.message}`, { cause: error })
    if (lines.length > MAX_FILES) throw new Error(`it has more than ${MAX_FILES} files. Watch a smaller folder`)
    const problem = (await errors).split('\n').find((line) => line !== '' && !FILE_ERROR.test(line))
    if (problem !== undefined) throw new Error(problem)
    return lines
  })
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => {
      kill()
      reject(new Error(NO_ANSWER))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    void closed.then(() => signal.removeEventListener('abort', onAbort))
  })
  return { lines: Promise.race([list, aborted]), closed }
}

function parseFile(line: string): { readonly path: string; readonly state: FileState } | undefined {
  const [, mode, size, owner, seconds, path] = /^([0-9a-f]+) (\d+) (\d+) (\d+) (.+)$/.exec(line) ?? []
  if (path === undefined) return undefined
  const state = {
    size: Number(size),
    mode: Number.parseInt(mode ?? '', 16) & 0o7777,
    owner: Number(owner),
    modifiedAt: new Date(Number(seconds) * 1000).toISOString(),
  }
  return { path, state }
}
