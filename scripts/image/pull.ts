import { spawn } from 'node:child_process'

export interface PullOptions {
  /** Time to the first answer of the registry. @default 25,000 */
  readonly answerTimeoutMs?: number
  /** @default 300,000 */
  readonly timeoutMs?: number
}

/**
 * Pulls an image and prints the progress. `docker pull` prints its first line once the registry answers: without a
 * registry, it would wait in silence for minutes.
 *
 * @throws Error when no registry answers or has the image
 */
export async function pullImage(
  name: string,
  { answerTimeoutMs = 25_000, timeoutMs = 300_000 }: PullOptions = {},
): Promise<void> {
  const pull = spawn('docker', ['pull', name], { stdio: ['ignore', 'pipe', 'pipe'] })
  let problem = ''
  const stop = (reason: string): void => {
    problem ||= `${reason}\n`
    pull.kill()
  }
  const answer = setTimeout(() => stop(`no registry answered within ${answerTimeoutMs / 1000} s`), answerTimeoutMs)
  const end = setTimeout(() => stop(`the pull took longer than ${timeoutMs / 1000} s`), timeoutMs)
  pull.stdout.on('data', (text: Buffer) => {
    clearTimeout(answer)
    process.stderr.write(text)
  })
  pull.stderr.on('data', (text: Buffer) => {
    problem += text.toString('utf8')
  })
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      pull.on('error', reject)
      pull.on('close', resolve)
    })
    if (code !== 0) throw new Error(`${name} cannot be pulled: ${problem.trim()}`)
  } finally {
    clearTimeout(answer)
    clearTimeout(end)
  }
}
