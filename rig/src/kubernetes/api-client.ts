import { type RequestOptions, request } from 'node:https'
import { text } from 'node:stream/consumers'

/** Address of an API server, with the credentials of a user. */
export interface ApiAddress {
  readonly url: string
  /** As PEM. */
  readonly ca: string
  readonly token: string
}

/** Time that the API server has to answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000

/** Sends one request to an API server. @param options by default a connection of its own, which must answer in time */
export async function requestApi(
  { url, ca, token }: ApiAddress,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
  options: RequestOptions = { agent: false, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) },
): Promise<{ readonly status: number; readonly body: string }> {
  const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json'
  const headers = { authorization: `Bearer ${token}`, 'content-type': type, ...options.headers }
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { ...options, method, ca, headers }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject)
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
