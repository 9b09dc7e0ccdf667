import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EXIT_CODES } from '../exit.ts'
import { parseEnvironmentFile } from './environment-file.ts'
import { ServiceError } from './service-error.ts'

/**
 * Runs the agent with the environment that `service configure` has written into a folder, until SIGTERM or SIGINT. The
 * agent is another process, since Node reads proxy and CA certificates from its environment only when it starts.
 * Returns its exit code.
 *
 * @param program words that start the agent
 * @throws {ServiceError} when the folder has no configuration
 */
export async function runConfigured(
  folder: string,
  program: readonly string[] = [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
): Promise<number> {
  const [file = '', ...words] = program
  const env = { ...process.env, ...readVariables(resolve(folder)) }
  // A console sends Ctrl+C to both processes, and a supervisor sends SIGTERM to this one: the agent ends by itself.
  const pass = (): void => void child.kill('SIGTERM')
  const ignore = (): void => undefined
  process.on('SIGINT', ignore).on('SIGTERM', pass)
  const child = spawn(file, [...words, 'run'], { env, stdio: 'inherit' })
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return code ?? EXIT_CODES.crashed
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', pass)
  }
}

function readVariables(folder: string): Record<string, string> {
  try {
    return parseEnvironmentFile(readFileSync(join(folder, 'agent.env'), 'utf8'))
  } catch (error) {
    throw new ServiceError(
      'usage',
      `--folder: ${(error as Error).message}. Name the folder that was given to \`rca-agent service configure\``,
      { cause: error },
    )
  }
}
