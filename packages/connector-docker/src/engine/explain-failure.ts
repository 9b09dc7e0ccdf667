import { type Stats, statSync } from 'node:fs'
import { describeEndpoint, type Endpoint } from './endpoint.ts'
import { EngineError } from './engine-error.ts'

/** Turns what the client library threw into an error that says what to do. */
export function explainFailure(error: unknown, endpoint: Endpoint, what: string): Error {
  const {
    code,
    statusCode,
    message = String(error),
  } = (error ?? {}) as {
    readonly code?: string
    readonly statusCode?: number
    readonly message?: string
  }
  const address = describeEndpoint(endpoint)
  const explain = (text: string): EngineError => new EngineError(text, { cause: error })
  if (statusCode !== undefined) {
    const text = `The engine at ${address} answered ${statusCode} when ${what} was asked: ${answerOf(message)}`
    return new EngineError(text, { cause: error, status: statusCode })
  }
  if ((code === 'EACCES' || code === 'EPERM' || code === 'ECONNREFUSED') && isOtherThanSocket(endpoint))
    return explain(
      `No engine at ${address}: what is there is no socket, such as the folder that Docker makes of a mount whose source is missing. Remove the agent's container, and on the host what stands where the engine's socket belongs; start the engine, and mount its socket, or set \`docker_host\``,
    )
  if (code === 'EACCES' || code === 'EPERM') return explain(permissionDenied(endpoint))
  if (code === 'ENOENT')
    return explain(
      `No engine at ${address}: the socket does not exist. Start the engine, mount its socket into the agent's container, or set \`docker_host\``,
    )
  if (code === 'ECONNREFUSED')
    return explain(
      `No engine answers at ${address}: it is stopped, or \`docker_host\` is wrong. Start it: systemctl start docker`,
    )
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return explain(
      `The engine at ${address} closed the connection while ${what} was asked: it was stopped or restarted`,
    )
  return explain(`The engine at ${address} could not be asked for ${what}: ${message}`)
}

/** Why a question was given up: a stop is not the engine's fault, a timeout is. */
export function explainAbort({ reason }: AbortSignal, endpoint: Endpoint, what: string): unknown {
  if (!(reason instanceof Error) || reason.name !== 'TimeoutError') return reason
  return new EngineError(
    `The engine at ${describeEndpoint(endpoint)} did not answer in time when ${what} was asked: it hangs or has too much to do`,
    { cause: reason },
  )
}

/** dockerode wraps what the engine said: `(HTTP code 404) no such container - No such container: x `. */
function answerOf(message: string): string {
  return message.replace(/^\(HTTP code \d+\) .*? - /s, '').trim()
}

function permissionDenied(endpoint: Endpoint): string {
  if (endpoint.kind === 'tcp') return `Permission denied to connect to ${describeEndpoint(endpoint)}`
  const group = fileAt(endpoint.path)?.gid
  const user = process.getuid?.() ?? 'unknown'
  if (group !== undefined && process.getgroups?.().includes(group))
    return `Permission denied on ${endpoint.path} for user ${user}, although it is in the group ${group} that owns it: SELinux or the like forbids it. Start the container with \`--security-opt label=disable\``
  return group === undefined
    ? `Permission denied on ${endpoint.path} for user ${user}: give the agent the group that owns it (\`--group-add\`), or run it as a user in the group \`docker\``
    : `Permission denied on ${endpoint.path} for user ${user}: it belongs to group ${group}. Start the container with \`--group-add ${group}\`, or run the agent as a user in that group`
}

function isOtherThanSocket(endpoint: Endpoint): boolean {
  return endpoint.kind === 'socket' && fileAt(endpoint.path)?.isSocket() === false
}

/** What a path leads to, where that may be looked at. */
function fileAt(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
