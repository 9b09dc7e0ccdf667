import { type Stats, statSync } from 'node:fs'
import { describeEndpoint, type Endpoint } from './endpoint.ts'

/** A request that the engine refused or could not serve. The message says what to do. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  /** HTTP status of the engine's answer; `undefined` when the engine did not answer. */
  readonly status: number | undefined

  constructor(message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options)
    this.status = options.status
  }
}

type LibraryError = { readonly code?: string; readonly statusCode?: number; readonly message?: string }

/**
 * Turns an error of the client library into one that says what to do. `what` is the request, such as `its containers`.
 */
export function explainFailure(error: unknown, endpoint: Endpoint, what: string): Error {
  const { code, statusCode, message = String(error) } = (error ?? {}) as LibraryError
  const address = describeEndpoint(endpoint)
  const explain = (text: string): EngineError => new EngineError(text, { cause: error })
  if (statusCode === 403 || statusCode === 405)
    return new EngineError(
      `The engine at ${address} refuses the request for ${what} (${statusCode}). ${remedyOf(what)}`,
      {
        cause: error,
        status: statusCode,
      },
    )
  if (statusCode !== undefined) {
    const text = `The engine at ${address} answered ${statusCode} to the request for ${what}: ${messageOf(message)}`
    return new EngineError(text, { cause: error, status: statusCode })
  }
  if ((code === 'EACCES' || code === 'EPERM' || code === 'ECONNREFUSED') && isNotSocket(endpoint))
    return explain(
      `No engine at ${address}: the path is not a socket. Docker creates a folder when the source of a mount is missing. Remove the agent's container and, on the host, whatever is in place of the engine's socket; start the engine, and mount its socket, or set \`docker_host\``,
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
      `The engine at ${address} closed the connection during the request for ${what}: it was stopped or restarted, or a proxy in front of it closes idle connections`,
    )
  return explain(`The engine at ${address} could not serve the request for ${what}: ${message}`)
}

/** Explains an aborted request. Only a timeout is the engine's fault; any other reason is returned unchanged. */
export function explainAbort({ reason }: AbortSignal, endpoint: Endpoint, what: string): unknown {
  if (!(reason instanceof Error) || reason.name !== 'TimeoutError') return reason
  return new EngineError(
    `The engine at ${describeEndpoint(endpoint)} did not answer the request for ${what} in time: it hangs or is overloaded`,
    { cause: reason },
  )
}

/** Requests, the paths that a proxy must allow for them, the settings of docker-socket-proxy, and what is missing. */
const PERMISSIONS: readonly (readonly [what: RegExp, paths: string, setting: string, missing: string])[] = [
  [/^its description/, '/info and /version', 'INFO=1 and VERSION=1', 'nothing is collected'],
  [/^its events/, '/events', 'EVENTS=1', 'no event is reported, and no crash log is collected'],
  [/^its networks/, '/networks', 'NETWORKS=1', 'no networks are reported'],
  [/^its volumes/, '/volumes', 'VOLUMES=1', 'no volumes are reported'],
  [/^its disk usage/, '/system/df', 'SYSTEM=1', 'no disk usage is reported'],
  [/^image /, '/images', 'IMAGES=1', 'images have neither tags nor digests'],
  [/container|^the (?:stats|log) of/, '/containers', 'CONTAINERS=1', 'no containers, usage and logs are reported'],
]

/** Says what to allow, and what is missing until then. */
function remedyOf(what: string): string {
  const [, paths, setting, missing] = PERMISSIONS.find(([pattern]) => pattern.test(what)) ?? []
  const more = paths === undefined ? '' : ` GET ${paths} (in docker-socket-proxy: ${setting}). Until then, ${missing}`
  return `A proxy or an authorization plugin forbids it: allow${more === '' ? ' the request' : more}`
}

/** Characters. A proxy may answer with a page. */
const MAX_MESSAGE_LENGTH = 300

/**
 * Unwraps the message that dockerode writes as `(HTTP code 404) no such container - No such container: x `. Returns the
 * text of a proxy's page, once.
 */
function messageOf(message: string): string {
  const text = message.replace(/^\(HTTP code \d+\) .*? - /s, '').trim()
  const isPage = /<(?:!doctype|html)\b/i.test(text)
  const shown = isPage
    ? text
        .replace(/<[^<>]*>/g, ' ')
        .replace(/\s+/g, ' ')
        .trim()
    : text
  return shown.slice(0, MAX_MESSAGE_LENGTH)
}

function permissionDenied(endpoint: Endpoint): string {
  if (endpoint.kind === 'tcp') return `Permission denied to connect to ${describeEndpoint(endpoint)}`
  const group = statIfReadable(endpoint.path)?.gid
  const user = process.getuid?.() ?? 'unknown'
  if (group !== undefined && process.getgroups?.().includes(group))
    return `Permission denied on ${endpoint.path} for user ${user}, although the user is in the group ${group} that owns it: SELinux or a similar policy forbids access. Start the container with \`--security-opt label=disable\``
  return group === undefined
    ? `Permission denied on ${endpoint.path} for user ${user}: give the agent the group that owns it (\`--group-add\`), or run it as a user in the group \`docker\``
    : `Permission denied on ${endpoint.path} for user ${user}: it belongs to group ${group}. Start the container with \`--group-add ${group}\`, or run the agent as a user in that group`
}

function isNotSocket(endpoint: Endpoint): boolean {
  return endpoint.kind === 'socket' && statIfReadable(endpoint.path)?.isSocket() === false
}

function statIfReadable(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
