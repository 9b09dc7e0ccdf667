import { KubernetesError, type Permission } from './errors.ts'

/** Longest text of the server that is passed on, in characters. */
const LONGEST = 300

/** What was asked. */
export interface Question extends Permission {
  readonly address: string
  /** What is no resource is permitted by its path, such as `/apis/apps/v1`. */
  readonly path?: string
}

/** Why an answer refuses. @param body the server's `Status`, or whatever a proxy before it wrote. */
export function explainAnswer(
  question: Question,
  status: number,
  body: string,
  retryAfter?: string | undefined,
): KubernetesError {
  const { reason, message } = readStatus(body)
  const seconds = Number(retryAfter ?? '')
  return new KubernetesError(`${wayOut(question, status)}: ${message}`, {
    status,
    reason,
    permission: status === 403 && question.path === undefined ? permissionOf(question) : undefined,
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  })
}

/** Why there is no answer. */
export function explainFailure(question: Question, error: unknown): KubernetesError {
  if (error instanceof KubernetesError) return error
  const { code = '', message = String(error) } = (error ?? {}) as { readonly code?: string; readonly message?: string }
  const explain = (text: string): KubernetesError => new KubernetesError(text, { cause: error })
  const { address } = question
  if (code === 'ECONNREFUSED')
    return explain(`No API server answers at ${address}: it is stopped, or the address in \`kubeconfig\` is wrong`)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return explain(
      `The name of the API server at ${address} is not known: check DNS, and the address in \`kubeconfig\``,
    )
  if (['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code))
    return explain(
      `The API server at ${address} cannot be reached (${code}): check routes, firewalls and network policies`,
    )
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return explain(`The API server at ${address} closed the connection while ${describe(question)}: was it restarted?`)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return explain(`The certificate of the API server at ${address} is for another name: ${message}`)
  if (code.startsWith('ERR_SSL_'))
    return explain(
      `TLS with the API server at ${address} failed (${code}): it may not accept the client certificate of \`kubeconfig\``,
    )
  if (isCertificateProblem(code))
    return explain(
      `The certificate of the API server at ${address} is not trusted (${code}): check \`certificate-authority\` in \`kubeconfig\`, and the clock`,
    )
  return explain(`The API server at ${address} could not be asked while ${describe(question)}: ${message}`)
}

/** Why a question was given up: a stop is not the server's fault, a timeout is. */
export function explainAbort(question: Question, { reason }: AbortSignal): unknown {
  if (!(reason instanceof Error) || reason.name !== 'TimeoutError') return reason
  return new KubernetesError(
    `The API server at ${question.address} did not answer in time while ${describe(question)}: it hangs or has too much to do`,
    { cause: reason, reason: 'Timeout' },
  )
}

/** An error that the server tells in a watch, as a `Status` object. */
export function explainStatus(question: Question, status: unknown): KubernetesError {
  const { code = 500 } = (status ?? {}) as { readonly code?: number }
  return explainAnswer(question, code, JSON.stringify(status ?? {}))
}

/** `listing pods in namespace shop` */
export function describe({ verb, group, resource, namespace, path }: Question): string {
  if (path !== undefined) return `asking what ${path} has`
  const doing = { get: 'getting', list: 'listing', watch: 'watching', create: 'creating', update: 'updating' }[verb]
  const name = group === '' ? resource : `${resource}.${group}`
  return `${doing ?? verb} ${name}${namespace === undefined ? '' : ` in namespace ${namespace}`}`
}

function wayOut(question: Question, status: number): string {
  const { address, verb, resource, group } = question
  const what = describe(question)
  if (status === 401)
    return `The API server at ${address} does not know who asks (401) while ${what}: the token or certificate is wrong, expired or revoked`
  if (status === 403 && question.path !== undefined)
    return `A permission is missing: bind the ClusterRole \`system:discovery\`, which allows verb \`get\` on \`nonResourceURLs\` such as \`${question.path}\``
  if (status === 403) {
    const where = placeOf(question)
    return `A permission is missing: allow verb \`${verb}\` on resource \`${resource}\` of API group \`${group === '' ? '""' : group}\` ${where}`
  }
  if (status === 406) return `The API server at ${address} cannot send metadata alone (406) while ${what}`
  if (status === 410) return `What was seen of it is too old to go on from (410) while ${what}`
  if (status === 429) return `The API server at ${address} has too much to do (429) while ${what}`
  return `The API server at ${address} answered ${status} while ${what}`
}

/** A namespace itself is read also by who may read them all. */
function placeOf({ resource, namespace }: Question): string {
  if (namespace === undefined) return 'in a ClusterRole'
  const role = `in a Role of namespace \`${namespace}\``
  return resource === 'namespaces' ? `in a ClusterRole, or ${role}` : role
}

function permissionOf({ verb, group, resource, namespace }: Question): Permission {
  return { verb, group, resource, namespace }
}

function isCertificateProblem(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/.test(code)
}

function readStatus(body: string): { readonly reason: string | undefined; readonly message: string } {
  try {
    const { reason, message } = JSON.parse(body) as { readonly reason?: unknown; readonly message?: unknown }
    if (typeof message === 'string')
      return { reason: typeof reason === 'string' ? reason : undefined, message: message.slice(0, LONGEST) }
  } catch {
    // Proxies and authentication webhooks write text or HTML.
  }
  return { reason: undefined, message: body.trim().slice(0, LONGEST) || 'no explanation' }
}
