import { run } from '../run.ts'

/**
 * Runs the Docker command line. Returns what it wrote, without the last line feed.
 *
 * @param dockerHost the engine; `undefined` for the one of this process's environment
 */
export async function docker(
  dockerHost: string | undefined,
  words: readonly string[],
  timeout?: number,
): Promise<string> {
  const options = timeout === undefined ? {} : { timeout }
  const env = dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }
  return (await run('docker', words, { env, ...options })).trimEnd()
}

/** Whether an engine answers there. */
export async function answers(dockerHost: string): Promise<boolean> {
  return docker(dockerHost, ['version', '--format', '{{.Server.Version}}'], 5_000).then(
    (version) => version !== '',
    () => false,
  )
}
