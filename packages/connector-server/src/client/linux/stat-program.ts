import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import type { FilesystemStatistics } from './filesystem-usage.ts'

/** Sizes of a read and of a block; blocks; free ones; those for users; inodes; free ones. stat(1) */
const FORMAT = '%s %S %b %f %a %c %d'

/**
 * Calls statfs(2) in a process of its own with stat(1), as GNU and busybox have it. A call that hangs blocks one of
 * Node's few threads for files, and the end of this process. A process that hangs can be left behind.
 *
 * @param signal kills the process. The promise settles when the process has ended, which a hanging call may prevent
 */
export async function statInProgram(path: string, signal: AbortSignal): Promise<FilesystemStatistics> {
  const child = spawn('stat', ['-f', '-c', FORMAT, '--', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    signal,
    killSignal: 'SIGKILL',
  })
  // Nothing waits for it when this process ends.
  child.unref()
  for (const stream of [child.stdout, child.stderr]) if ('unref' in stream) (stream as { unref(): void }).unref()
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => {
      // After an abort, the process may go on.
      if (child.pid === undefined) reject(new Error(`\`stat\` cannot be run: ${error.message}`, { cause: error }))
    })
    child.on('exit', resolve)
  })
  const [status, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  const numbers = output.trim().split(' ').map(Number)
  if (status !== 0 || numbers.length !== 7 || numbers.some(Number.isNaN))
    throw new Error(errors.trim().replace(/^stat: /, '') || `\`stat\` ended with ${status ?? 'a signal'}`)
  const [bsize = 0, frsize = 0, blocks = 0, bfree = 0, bavail = 0, files = 0, ffree = 0] = numbers
  return { bsize, frsize, blocks, bfree, bavail, files, ffree }
}
