/** Maximum length of a server's text in an error message, in characters. */
const MAX_SERVER_TEXT = 300

/** A permission that the agent needs. */
export interface Permission {
  readonly verb: string
  /** Empty for the core group. */
  readonly group: string
  /** `pods`, `nodes/proxy`, … */
  readonly resource: string
  /** Absent if the permission is needed in the whole cluster. */
  readonly namespace?: string | undefined
}

type KubernetesErrorOptions = ErrorOptions &
  Partial<Pick<KubernetesError, 'status' | 'reason' | 'permission' | 'retryAfter'>>

/** A request that the API server refused or could not answer. The message says what to do. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError'
  /** HTTP status, if the server answered. */
  readonly status: number | undefined
  /**
   * Reason of the server's `Status`: `Forbidden`, `Expired`, …; or `WatchEnded`, `Silent`, `SilentFromStart`,
   * `Damaged`, `Timeout`.
   */
  readonly reason: string | undefined
  /** The missing permission. */
  readonly permission: Permission | undefined
  /** Seconds to wait before the next request. */
  readonly retryAfter: number | undefined

  constructor(message: string, { status, reason, permission, retryAfter, ...options }: KubernetesErrorOptions = {}) {
    super(message, options)
    this.status = status
    this.reason = reason
    this.permission = permission
    this.retryAfter = retryAfter
  }
}

/** Returns whether the server no longer has the continued list or watch, so that everything must be listed again. */
export function isExpired(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 410
}

/** Identifies a request in error messages. */
export interface RequestInfo extends Permission {
  readonly address: string
  /** Set for a request without a resource, such as `/apis/apps/v1`: its permission is the path. */
  readonly path?: string
}

/** Returns the error of an answer with an error status. @param body the server's `Status`, or the text of a proxy */
export function responseError(
  request: RequestInfo,
  status: number,
  body: string,
  retryAfter?: string | undefined,
): KubernetesError {
  const { reason, message } = readStatus(body)
  const seconds = Number(retryAfter ?? '')
  const { verb, group, resource, namespace } = request
  return new KubernetesError(`${explainStatusCode(request, status)}: ${message}`, {
    status,
    reason,
    permission: status === 403 && request.path === undefined ? { verb, group, resource, namespace } : undefined,
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  })
}

/** Returns the error of a request without an answer. */
export function connectionError(request: RequestInfo, error: unknown): KubernetesError {
  if (error instanceof KubernetesError) return error
  const { code = '', message = String(error) } = (error ?? {}) as { readonly code?: string; readonly message?: string }
  return new KubernetesError(explainErrorCode(request, code, message), { cause: error })
}

/** Returns the reason of an aborted request: a timeout becomes an error of the server, a stop stays what it is. */
export function abortError(request: RequestInfo, { reason }: AbortSignal): unknown {
  if (!(reason instanceof Error) || reason.name !== 'TimeoutError') return reason
  return new KubernetesError(
    `The API server at ${request.address} did not answer in time while ${describeRequest(request)}: it hangs or is overloaded`,
    { cause: reason, reason: 'Timeout' },
  )
}

/**
 * Reads an answer, and explains why that failed.
 *
 * @throws KubernetesError, or the reason for which `signal` aborted
 */
export async function explained<Answer>(
  request: RequestInfo,
  signal: AbortSignal,
  read: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await read()
  } catch (error) {
    throw signal.aborted ? abortError(request, signal) : connectionError(request, error)
  }
}

/** Returns the error that a server sent in a watch, as a `Status` object. */
export function watchStatusError(request: RequestInfo, status: unknown): KubernetesError {
  const { code = 500 } = (status ?? {}) as { readonly code?: number }
  return responseError(request, code, JSON.stringify(status ?? {}))
}

/** Returns `listing pods in namespace shop`. */
export function describeRequest({ verb, group, resource, namespace, path }: RequestInfo): string {
  if (path !== undefined) return `discovering ${path}`
  const doing = { get: 'getting', list: 'listing', watch: 'watching', create: 'creating', update: 'updating' }[verb]
  const name = group === '' ? resource : `${resource}.${group}`
  return `${doing ?? verb} ${name}${namespace === undefined ? '' : ` in namespace ${namespace}`}`
}

function explainErrorCode(request: RequestInfo, code: string, message: string): string {
  const { address } = request
  if (code === 'ECONNREFUSED')
    return `No API server answers at ${address}: it is stopped, or the address in \`kubeconfig\` is wrong`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `The host name of the API server at ${address} cannot be resolved: check DNS, and the address in \`kubeconfig\``
  if (['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code))
    return `The API server at ${address} cannot be reached (${code}): check routes, firewalls and network policies`
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return `The API server at ${address} closed the connection while ${describeRequest(request)}: was it restarted?`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `The certificate of the API server at ${address} is for another name: ${message}`
  if (code.startsWith('ERR_SSL_'))
    return `TLS with the API server at ${address} failed (${code}): it may not accept the client certificate of \`kubeconfig\``
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/.test(code))
    return `The certificate of the API server at ${address} is not trusted (${code}): check \`certificate-authority\` in \`kubeconfig\`, and the clock`
  return `The request to the API server at ${address} failed while ${describeRequest(request)}: ${message}`
}

function explainStatusCode(request: RequestInfo, status: number): string {
  const { address, verb, resource, group } = request
  const doing = describeRequest(request)
  if (status === 401)
    return `The API server at ${address} rejected the credentials (401) while ${doing}: the token or certificate is wrong, expired or revoked`
  if (status === 403 && request.path !== undefined)
    return `A permission is missing: bind the ClusterRole \`system:discovery\`, which allows verb \`get\` on \`nonResourceURLs\` such as \`${request.path}\``
  if (status === 403)
    return `A permission is missing: allow verb \`${verb}\` on resource \`${resource}\` of API group \`${group === '' ? '""' : group}\` ${roleOf(request)}`
  if (status === 406) return `The API server at ${address} cannot send metadata without data (406) while ${doing}`
  if (status === 410) return `The resource version is too old to continue (410) while ${doing}`
  if (status === 429) return `The API server at ${address} is overloaded (429) while ${doing}`
  return `The API server at ${address} answered ${status} while ${doing}`
}

function roleOf({ resource, namespace }: RequestInfo): string {
  if (namespace === undefined) return 'in a ClusterRole'
  const role = `in a Role of namespace \`${namespace}\``
  return resource === 'namespaces' ? `in a ClusterRole, or ${role}` : role
}

function readStatus(body: string): { readonly reason: string | undefined; readonly message: string } {
  try {
    const { reason, message } = JSON.parse(body) as { readonly reason?: unknown; readonly message?: unknown }
    if (typeof message === 'string')
      return { reason: typeof reason === 'string' ? reason : undefined, message: message.slice(0, MAX_SERVER_TEXT) }
  } catch {
    // Proxies and authentication webhooks write text or HTML.
  }
  return { reason: undefined, message: body.trim().slice(0, MAX_SERVER_TEXT) || 'no explanation' }
}
