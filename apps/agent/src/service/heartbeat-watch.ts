import type { AgentHealth, Machine } from './machine.ts'
import { ServiceError, type ServiceFailure } from './service-error.ts'

const POLL_INTERVAL_MS = 100

/**
 * Waits until the platform has accepted a heartbeat of the agent behind `socket`. Returns its time,
 * and why the agent cannot read what it watches.
 *
 * @param since heartbeats before this time do not count, in milliseconds since 1970
 * @throws {ServiceError} at once for a cause that waiting does not cure, such as a refused token
 */
export async function waitForHeartbeat(
  machine: Machine,
  options: {
    readonly socket: string
    readonly since: number
    readonly timeoutMs: number
    readonly signal: AbortSignal
  },
): Promise<{ readonly time: Date; readonly problem?: string | undefined }> {
  const { socket, since, timeoutMs, signal } = options
  let last: AgentHealth | undefined
  for (;;) {
    signal.throwIfAborted()
    last = (await machine.health(machine.path(socket))) ?? last
    const acknowledged = Date.parse(last?.heartbeat?.acknowledged_at ?? '')
    if (acknowledged >= since) return { time: new Date(acknowledged), problem: last?.collectors?.connect?.error }
    const failure = failureOf(last)
    if (failure !== undefined) throw failure
    if (machine.now() - since >= timeoutMs) throw noHeartbeat(last, timeoutMs)
    await machine.sleep(POLL_INTERVAL_MS)
  }
}

/** Causes by the wording of Node and OpenSSL. The first that matches counts. */
const CAUSES: readonly (readonly [RegExp, ServiceFailure, string])[] = [
  [
    /CERT_NOT_YET_VALID|CERT_HAS_EXPIRED|certificate is not yet valid|certificate has expired/,
    'wrongClock',
    "the platform's certificate is not valid at the time of this machine. Set the clock, or renew the certificate",
  ],
  [
    /certificate|CERT_|self-signed|ERR_TLS|ERR_SSL/i,
    'tlsNotTrusted',
    "the platform's certificate is not trusted. Name the file with its CA certificate with --ca-file",
  ],
  [/proxy/i, 'proxyRefused', 'the proxy refused the agent. Correct --proxy, or give this machine access through it'],
]

function failureOf(health: AgentHealth | undefined): ServiceError | undefined {
  const { error, refused_token: isRefused } = health?.heartbeat ?? {}
  if (isRefused === true)
    return new ServiceError(
      'tokenRefused',
      `the platform refused the token: ${endOfClause(error ?? 'it is unknown, expired, used up or revoked')}. Get a new command from the platform`,
    )
  return error === undefined ? undefined : findCause(error)
}

/** Finds the cause of a failed request that waiting does not cure, by the text of its error. */
export function findCause(error: string): ServiceError | undefined {
  const cause = CAUSES.find(([pattern]) => pattern.test(error))
  return cause === undefined ? undefined : new ServiceError(cause[1], `${cause[2]} (${error})`)
}

function noHeartbeat(health: AgentHealth | undefined, timeoutMs: number): ServiceError {
  const reason =
    health === undefined
      ? 'the agent does not answer on its health socket'
      : (health.heartbeat?.error ?? 'the agent has no answer of the platform yet')
  return new ServiceError(
    'noHeartbeat',
    `the platform has not accepted a heartbeat within ${timeoutMs / 1000} s: ${endOfClause(reason)}. Correct it, or allow more time with --wait`,
  )
}

/** Returns the text of the platform as a part of a sentence, which has a period of its own. */
function endOfClause(text: string): string {
  return text.replace(/\.$/, '')
}
