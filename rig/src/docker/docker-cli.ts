import { run } from '../run.ts'

/** Time that an engine has to answer, in milliseconds. A missing engine refuses the connection at once. */
const ANSWER_TIMEOUT_MS = 30_000

/** Runs the Docker command line for an engine, by default that of the environment. Returns the output, trimmed. */
export async function docker(
  dockerHost: string | undefined,
  args: readonly string[],
  timeout?: number,
): Promise<string> {
  const env = dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }
  return (await run('docker', args, { env, timeout })).trimEnd()
}

/** Returns true if an engine answers at this address. */
export async function answers(dockerHost: string): Promise<boolean> {
  return docker(dockerHost, ['version', '--format', '{{.Server.Version}}'], ANSWER_TIMEOUT_MS).then(
    (version) => version !== '',
    () => false,
  )
}
